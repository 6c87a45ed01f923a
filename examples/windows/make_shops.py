"""Makes shops.csv: the made up sales of 30 shops, day by day, of 10 to 60 days each. python3 make_shops.py > shops.csv"""

import math
import random


def main():
    generator = random.Random(3)
    print("shop,day,warmth,sales")
    for shop in range(30):
        usual, swing, phase = generator.uniform(1, 4), generator.uniform(0.1, 0.8), generator.randrange(7)
        loves_sun, before = generator.uniform(-0.4, 0.4), 0.0
        for day in range(generator.randint(10, 60)):
            warmth = round(math.sin(day / 9) + generator.gauss(0, 0.3), 2)
            before = 0.6 * before + generator.gauss(0, 0.1)
            sales = usual + swing * math.cos((day - phase) * 2 * math.pi / 7) + loves_sun * warmth + before
            print(f"shop{shop:02d},{day},{warmth},{max(sales, 0):.3f}")


main()
