"""A model of what a step costs, fitted to measurements by least squares; it predicts, it does not measure.

The sum of `size` bytes over `ranks` ranks in a ring, with links of `rate` bytes a second (docs/comm.md):

    seconds = a * messages + b * wire / rate + c * wire        messages = 2 (ranks - 1), wire = 2 (ranks - 1) / ranks * size

a: latency of a message; b: how much longer the link is busy than its nominal rate says; c: the processor's work on a byte.
A step hides the share `overlap` of backward's time behind communication:

    seconds = forward + backward + optimizer + max(0, sum - overlap * backward)
"""

import numpy


def features(size, ranks, rate):
    wire = 2 * (ranks - 1) / ranks * size
    return [2 * (ranks - 1), wire / rate, wire]


class CostModel:
    """`runs`: (bytes, ranks, bytes a second, measured seconds). The smallest size tells the latency: its bytes fit into the emulated
    link's burst and cost next to nothing; the shortest counts, since ranks that outnumber the cores wait for each other's turns too. The sizes from LARGE on tell the rest, by least squares of the relative errors."""

    LARGE = 1 << 20

    def __init__(self, runs):
        smallest = min(run[0] for run in runs)
        latency = min([run[3] / (2 * (run[1] - 1)) for run in runs if run[0] == smallest])
        large = [run for run in runs if run[0] >= self.LARGE]
        rows = numpy.array([features(*run[:3]) for run in large], float)
        seconds = numpy.array([run[3] for run in large])
        self.coefficients = numpy.array([latency, *self._fit(rows[:, 1:] / seconds[:, None], 1 - latency * rows[:, 0] / seconds)])

    @staticmethod
    def _fit(rows, targets):
        """Non-negative: columns whose coefficient comes out negative are left out."""
        used = list(range(rows.shape[1]))
        while True:
            scale = numpy.linalg.norm(rows[:, used], axis=0)
            found = numpy.linalg.lstsq(rows[:, used] / scale, targets, rcond=None)[0] / scale
            if (found >= 0).all():
                result = numpy.zeros(rows.shape[1])
                result[used] = found
                return result
            used.pop(int(found.argmin()))

    def all_reduce(self, size, ranks, rate):
        return float(numpy.dot(self.coefficients, features(size, ranks, rate)))

    def relative_error(self, run):
        return self.all_reduce(*run[:3]) / run[3] - 1


def step_seconds(parts, communication, overlap):
    alone = parts["forward"] + parts["backward"] + parts["optimizer"]
    return alone + max(0.0, communication - overlap * parts["backward"])


def fit_overlap(runs):
    """The share of backward that hides communication. `runs`: (parts, seconds of the sum, measured seconds of the step)."""
    errors = lambda overlap: sum((step_seconds(parts, sum_s, overlap) / step - 1) ** 2 for parts, sum_s, step in runs)
    return float(min(numpy.linspace(0, 1, 101), key=errors))
