"""Data and runs whose reports are looked at: words that a page must show as they are."""

import csv
import random

import jobs

MARK = "<script>document.title='bad'</script>"
SHOP = "<i>shop</i>"


def write_shops(file):
    draw = random.Random(7)
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["amount", "noise", SHOP, "kind"])
        for _ in range(900):
            amount, shop = round(draw.lognormvariate(3, 1), 3), draw.choice(["air", "<b>&", "café \"été\" 'x'"])
            writer.writerow([amount, round(draw.gauss(0, 1), 3), shop, MARK if amount > 40 else "oui & \"ça\"" if shop == "air" else "не знаю"])


def train_shops(folder):
    write_shops(folder / "shops.csv")
    arguments = jobs.sets(name="shops", data__train_file=str(folder / "shops.csv"), data__target="kind", data__features__categorical=[SHOP],
                          task__type="classification", trainer__checkpoint__metric="loss", trainer__epochs=12, trainer__save_predictions=True)
    jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "shops", *arguments)


def write_prices(file):
    draw = random.Random(8)
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["rooms", "area", "price"])
        for i in range(600):
            rooms, area = draw.randrange(1, 7), draw.uniform(20, 200)
            writer.writerow([rooms, f"{area:.2f}" if i % 9 else "", f"{100 * rooms / 3 + area + draw.gauss(0, 5):.4f}"])
