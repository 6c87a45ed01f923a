"""bench/run.sh: runs benches and their peers side by side (docs/benchmarks.md)."""

import argparse
import importlib
import os
import sys

from report import Report
from workers import PROGRAMS, WorkerError

BENCHES = ["step_time", "all_reduce", "slow_network", "startup", "memory", "scaling", "checkpoint", "watch", "serving", "switches", "reading"]


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="Runs ringtrain and its peers side by side, in interleaved rounds.")
    parser.add_argument("--only", action="append", choices=BENCHES, metavar="NAME", help=f"this bench only; may be repeated: {', '.join(BENCHES)}")
    parser.add_argument("--case", dest="cases", action="append", metavar="NAME", help="this model only (step_time, memory, slow_network)")
    parser.add_argument("--peer", dest="peers", action="append", metavar="NAME", help="beside this peer only; may be repeated (step_time)")
    parser.add_argument("--ranks", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2, 4], metavar="N,N", help="rank counts (default 1,2,4)")
    parser.add_argument("--rounds", type=int, default=6, help="interleaved rounds (default 6)")
    parser.add_argument("--block", dest="block_s", type=float, default=1.0, metavar="S", help="seconds of a side's turn (default 1)")
    parser.add_argument("--json", metavar="FILE", help="write the results here too")
    parser.add_argument("--profile", action="store_true", help="step_time on GPUs: what each side's GPU spends its time on")
    parser.add_argument("--quick", action="store_true", help="a smoke test: one small case of each bench, two short rounds; no measurement")
    settings = parser.parse_args()
    if settings.quick:
        settings.rounds, settings.block_s = 2, 0.1
    return settings


def main():
    settings = arguments()
    report = Report()
    print(f"programs {PROGRAMS}; {len(os.sched_getaffinity(0))} cores; load average at the start {os.getloadavg()[0]:.1f}")
    status = 0
    for name in settings.only or BENCHES:
        try:
            importlib.import_module(name).run(report, settings)
        except (WorkerError, AssertionError, ValueError) as error:
            print(f"bench {name} failed: {error}", file=sys.stderr)
            status = 1
    if settings.json:
        report.write(settings.json)
    print(f"\nload average at the end {os.getloadavg()[0]:.1f}")
    return status


if __name__ == "__main__":
    sys.exit(main())
