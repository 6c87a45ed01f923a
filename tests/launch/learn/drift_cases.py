"""Streams with drift: name, rows that the first version is trained on, the stream, and by how much learning on is better at least. Seeded."""

import streams


def part_of(stream, begin, end):
    values, labels = stream
    return values[begin:end], labels[begin:end]


CASES = {
    "sea_abrupt": (lambda: streams.sea(2000, 1, thresholds=(8.0,)), lambda: streams.sea(6000, 2, thresholds=(12.0, 6.0)), 0.05),
    "sea_gradual": (lambda: streams.sea(2000, 1, thresholds=(6.0,)), lambda: streams.sea(6000, 2, thresholds=(9.0, 12.0), gradual=2000), 0.08),
    "sea_recurring": (lambda: streams.sea(2000, 1, thresholds=(6.0,)), lambda: streams.sea(6000, 3, thresholds=(12.0, 6.0, 12.0, 6.0)), 0.05),
    "plane_abrupt": (lambda: part_of(streams.hyperplane(8000, 5, abrupt=True), 0, 2000),
                     lambda: part_of(streams.hyperplane(8000, 5, abrupt=True), 2000, 8000), 0.08),
    "plane_gradual": (lambda: part_of(streams.hyperplane(8000, 4), 0, 1000), lambda: part_of(streams.hyperplane(8000, 4), 1000, 8000), 0.05),
}
