"""Medians, their spread, the table and the JSON of a run."""

import json
import math
import statistics


def median(values):
    return statistics.median(values)


class Report:
    """Rows as they are measured. A row compares two lists of rounds; `lower_is_better` says which way."""

    def __init__(self):
        self.rows = []

    def compare(self, bench, case, ours, peer, unit, peer_name, lower_is_better=True, scale=1.0):
        ours, peer = [x * scale for x in ours], [x * scale for x in peer]
        for value in ours + peer:
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{bench} {case}: {value} is no measurement")
        a, b = median(ours), median(peer)
        row = {"bench": bench, "case": case, "ours": a, "peer": b, "unit": unit, "ratio": b / a if lower_is_better else a / b,
               "peer_name": peer_name, "ours_spread": [min(ours), max(ours)], "peer_spread": [min(peer), max(peer)],
               "rounds": len(ours)}
        self.rows.append(row)
        print(self.line(row), flush=True)

    def shares(self, bench, case, shares, unit):
        """What has no peer: name → its rounds."""
        for name, values in shares.items():
            row = {"bench": bench, "case": f"{case}: {name}", "ours": median(values), "unit": unit, "ours_spread": [min(values), max(values)], "rounds": len(values)}
            self.rows.append(row)
            print(f"{case:<44} {name:<36} {row['ours']:7.3f} [{min(values):.3f}, {max(values):.3f}] {unit}", flush=True)

    @staticmethod
    def heading(bench, note, peers=True):
        print(f"\n== {bench}: {note}")
        if peers:
            print(f"{'case':<38} {'peer':<22} {'ringtrain':>28} {'peer':>28} {'unit':<6} {'ratio':>6}")

    @staticmethod
    def line(row):
        spread = lambda side: f"{number(row[side])} [{number(row[side + '_spread'][0])}, {number(row[side + '_spread'][1])}]"
        return (f"{row['case']:<38} {row['peer_name']:<22} {spread('ours'):>28} {spread('peer'):>28} {row['unit']:<6} "
                f"{row['ratio']:6.2f}")

    def write(self, file):
        with open(file, "w") as out:
            json.dump(self.rows, out, indent=1)
            out.write("\n")


def number(value):
    """Three significant digits or whole numbers, without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"
