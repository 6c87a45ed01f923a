"""Makes rides.csv: 1,200 made up hours at stations of bicycles. python3 make_rides.py > rides.csv"""

import math
import random

STATIONS = ["Airport", "Bridge", "Castle", "Harbour", "Hospital", "Market", "Museum", "Park", "School", "Station", "Theatre", "University"]


def poisson(mean, generator):
    """Knuth's: how many uniform numbers until their product is below e^-mean."""
    product, count = generator.random(), 0
    while product > math.exp(-mean):
        product *= generator.random()
        count += 1
    return count


def main():
    generator = random.Random(1)
    busy = {station: generator.uniform(0.2, 1.8) for station in STATIONS}
    peak = {station: generator.uniform(7, 19) for station in STATIONS}
    print("station,hour,temperature,rain,rides")
    for _ in range(1200):
        station, hour = generator.choice(STATIONS), generator.randrange(24)
        temperature, rain = round(generator.gauss(14, 7), 1), int(generator.random() < 0.25)
        mean = math.exp(busy[station] + math.cos((hour - peak[station]) * math.pi / 12) + 0.03 * (temperature - 14) - 0.7 * rain)
        print(f"{station},{hour},{temperature},{rain},{poisson(mean, generator)}")


main()
