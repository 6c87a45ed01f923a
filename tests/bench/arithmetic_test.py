"""What the benches compute from their measurements: medians and ratios, and the cost model's fit."""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["RINGTRAIN_SOURCE"]) / "bench/driver"))

from cost_model import CostModel, fit_overlap, step_seconds  # noqa: E402
from report import Report, number  # noqa: E402


class ReportTest(unittest.TestCase):
    def row(self, **more):
        report = Report()
        report.compare("step_time", "a case", [3.0, 1.0, 2.0], [4.0, 8.0, 6.0], "ms", "a peer", **more)
        return report.rows[0]

    def test_time_of_half_is_twice_as_good(self):
        row = self.row(scale=1e3)
        self.assertEqual((row["ours"], row["peer"], row["ratio"]), (2000, 6000, 3))
        self.assertEqual((row["ours_spread"], row["peer_spread"], row["rounds"]), ([1000, 3000], [4000, 8000], 3))

    def test_bandwidth_of_a_third_is_a_third_as_good(self):
        self.assertAlmostEqual(self.row(lower_is_better=False)["ratio"], 1 / 3)

    def test_what_is_no_measurement_is_refused(self):
        for value in (0.0, float("nan"), float("inf")):
            with self.assertRaises(ValueError):
                Report().compare("step_time", "a case", [value], [1.0], "ms", "a peer")

    def test_numbers_have_three_digits(self):
        self.assertEqual([number(x) for x in (0.012345, 1.2345, 123.45, 12345.6)], ["0.0123", "1.23", "123", "12,346"])


class CostModelTest(unittest.TestCase):
    """Measurements made by hand from known costs are found again."""
    LATENCY, BUSY, PER_BYTE = 50e-6, 1.1, 2e-10

    def seconds(self, size, ranks, rate):
        # Thakur, Rabenseifner, Gropp 2005: reduce-scatter and all-gather in a ring, ranks - 1 steps each, a share of size / ranks a step.
        steps = 2 * (ranks - 1)
        if size <= 1 << 16:  # fits into the emulated link's burst
            return steps * self.LATENCY
        return steps * (self.LATENCY + size / ranks * (self.BUSY / rate + self.PER_BYTE))

    def runs(self, sizes, rates):
        return [(n, p, b, self.seconds(n, p, b)) for n in sizes for p in (2, 4) for b in rates]

    def test_known_costs_are_found(self):
        model = CostModel(self.runs([1 << 12, 1 << 16, 1 << 20, 1 << 24], [25e6, 125e6]))
        for found, known in zip(model.coefficients, (self.LATENCY, self.BUSY, self.PER_BYTE)):
            self.assertAlmostEqual(found / known, 1, places=6)
        for run in self.runs([1 << 21, 1 << 22], [60e6]):
            self.assertLess(abs(model.relative_error(run)), 1e-9)
        self.assertAlmostEqual(model.all_reduce(10**8, 1024, 125e6) / self.seconds(10**8, 1024, 125e6), 1, places=6)

    def test_no_cost_is_negative(self):
        # Faster than the link allows for large sizes: without the rule the processor's work would come out negative.
        runs = [(n, 2, 1e8, 1e-5 + 0.5 * n / 1e8) for n in (1 << 12, 1 << 20)] + [(1 << 24, 2, 1e9, 1e-3)]
        self.assertTrue((CostModel(runs).coefficients >= 0).all())

    def test_step_waits_for_what_backward_does_not_hide(self):
        parts = {"forward": 1.0, "backward": 2.0, "optimizer": 0.5}
        self.assertEqual(step_seconds(parts, 1.5, overlap=1), 3.5)
        self.assertEqual(step_seconds(parts, 1.5, overlap=0), 5.0)
        self.assertEqual(step_seconds(parts, 3.0, overlap=0.5), 5.5)

    def test_overlap_is_found(self):
        parts = {"forward": 1.0, "backward": 2.0, "optimizer": 0.5}
        runs = [(parts, s, 3.5 + max(0, s - 0.3 * 2.0)) for s in (0.2, 1.0, 4.0)]
        self.assertAlmostEqual(fit_overlap(runs), 0.3)


if __name__ == "__main__":
    unittest.main()
