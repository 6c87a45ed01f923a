"""Seeded streams whose concept changes, and the files of them. Only the standard library and numpy.

SEA (Street and Kim, A streaming ensemble algorithm for large-scale classification, KDD 2001): three numbers from 0 to 10; the class is whether the
first two add up to no more than a threshold, which changes; a tenth of the labels is wrong. The rotating hyperplane (Hulten, Spencer and Domingos,
Mining time-changing data streams, KDD 2001): the class is the side of a plane whose weights turn.
"""

import csv
import json

import numpy

THRESHOLDS = (8.0, 9.0, 7.0, 9.5)


def sea(rows, seed, thresholds=THRESHOLDS, noise=0.1, gradual=0):
    """[rows, 3], [rows]: the thresholds one after another, over even parts. `gradual`: over so many rows around a change rows are of either concept."""
    random = numpy.random.default_rng(seed)
    values = random.uniform(0, 10, (rows, 3))
    place = numpy.arange(rows)
    if gradual:
        place = place + random.uniform(-gradual / 2, gradual / 2, rows)
    part = numpy.clip(place * len(thresholds) // rows, 0, len(thresholds) - 1).astype(int)
    labels = (values[:, 0] + values[:, 1] <= numpy.asarray(thresholds)[part]).astype(int)
    wrong = random.random(rows) < noise
    return values, numpy.where(wrong, 1 - labels, labels)


def hyperplane(rows, seed, turn=1.0, abrupt=False, noise=0.05, width=6):
    """The plane's weights go from one direction to another: slowly over all rows, or in the middle at once."""
    random = numpy.random.default_rng(seed)
    values = random.uniform(0, 1, (rows, width))
    begin, end = random.normal(size=width), random.normal(size=width)
    share = (numpy.arange(rows) >= rows / 2).astype(float) if abrupt else numpy.arange(rows) / rows
    weights = begin + numpy.outer(share * turn, end - begin)
    labels = (((values - 0.5) * weights).sum(1) >= 0).astype(int)
    wrong = random.random(rows) < noise
    return values, numpy.where(wrong, 1 - labels, labels)


def rows_of(values, labels, users=200, seed=0):
    """Dicts: x0, x1, ..., label, and the user that a row is from."""
    names = numpy.random.default_rng(seed).integers(0, users, len(labels))
    return [{**{f"x{i}": round(float(value), 6) for i, value in enumerate(row)}, "label": int(label), "user": f"u{name}"}
            for row, label, name in zip(values, labels, names)]


def write_csv(file, rows):
    with open(file, "w", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file


def write_json(file, rows):
    with open(file, "w") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    return file
