"""scaling: what more ranks bring on this machine, and a cost model fitted to emulated hosts that predicts larger jobs."""

import tempfile

import all_reduce
from cases import CASES
from cost_model import CostModel, fit_overlap, step_seconds
from hosts import Hosts, available
from report import median
from rounds import each, measure
from training import ask_steps, start_ours, training_sides
from workers import PROGRAMS, Workers, usable_cores

NAMES = ["mlp_784", "gpt"]
GIGABIT = 125e6  # bytes a second
FITTED_RATES = [0.2, 0.5, 1.0]  # Gbit/s
HELD_OUT_RATE = 0.35
FITTED_SIZES = [4 << 10, 1 << 20, 8 << 20]
HELD_OUT_SIZES = [2 << 20, 16 << 20]
PREDICTED_RANKS = [8, 16, 64, 256, 1024, 4096]
PREDICTED_RATES = [1.0, 10.0, 100.0]


def run(report, settings):
    efficiency(report, settings)
    if available():
        model(settings)
    else:
        print("\n== scaling, cost model: NOT RUN: network namespaces need root")


def efficiency(report, settings):
    """Weak scaling: a rank's batch stays; perfect is as fast as one rank."""
    ranks = [n for n in settings.ranks if n > 1]
    report.heading("scaling", f"efficiency in %: the step of one rank by that of N, {usable_cores()} cores; the median of interleaved rounds")
    with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder:
        for case in map(CASES.get, ["mlp_small"] if settings.quick else settings.cases or NAMES):
            spec = case.write(folder)
            times = {}
            for n in [1, 2] if settings.quick else [1, *ranks]:
                with training_sides(case, spec, n) as sides:
                    times[n] = each(measure(sides, settings.rounds, settings.block_s, ask_steps))
            for n in list(times)[1:]:
                over = ", oversubscribed" if n > usable_cores() else ""
                of = lambda side: [median(times[1][side]) / seconds for seconds in times[n][side]]
                report.compare("scaling", f"{case.name}, {n} ranks{over}", of("ours"), of("DDP tuned"), "%", "DDP tuned",
                               lower_is_better=False, scale=100)


def measure_sums(hosts, rates, sizes, settings):
    """(bytes, ranks, bytes a second, seconds) for each rate and size."""
    runs = []
    start = lambda path: [hosts.mpirun(PROGRAMS / "bench_all_reduce", path)]
    with Workers("ringtrain", hosts.count, start) as workers:
        for rate in rates:
            hosts.rate(f"{rate * 1000:.0f}mbit")
            for size in sizes:
                found = each(measure({"ours": workers}, max(2, settings.rounds // 2), settings.block_s / 2,
                                     all_reduce.asking(size, hosts.count)))
                runs.append((size, hosts.count, rate * GIGABIT, median(found["ours"])))
    return runs


def measure_steps(hosts, case, spec, rates, settings):
    """rate → (parts, seconds of a step)."""
    found = {}
    with start_ours(spec, hosts.count, hosts) as workers:
        parts = workers.ask("parts", count=3 if settings.quick else 20)[0]
        for rate in rates:
            hosts.rate(f"{rate * 1000:.0f}mbit")
            seconds = each(measure({"ours": workers}, max(2, settings.rounds // 2), settings.block_s, ask_steps))
            found[rate] = parts, median(seconds["ours"])
    return found


def model(settings):
    quick = settings.quick
    print("\n== scaling, cost model: fitted to ringtrain on emulated hosts, one rank a host (bench/driver/cost_model.py)")
    fitted, held_out, steps = [], [], {}
    rates = FITTED_RATES[-1:] if quick else FITTED_RATES
    with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder:
        for count in [2] if quick else [2, 4]:
            with Hosts(count, "1gbit") as hosts:
                fitted += measure_sums(hosts, rates, FITTED_SIZES[:2] if quick else FITTED_SIZES, settings)
                held_out += measure_sums(hosts, [HELD_OUT_RATE], HELD_OUT_SIZES[:1] if quick else HELD_OUT_SIZES, settings)
                if count == 2:
                    for case in map(CASES.get, ["mlp_784"] if quick else ["mlp_4m", "gpt"]):
                        steps[case] = measure_steps(hosts, case, case.write(folder), [*rates, HELD_OUT_RATE], settings)
    cost = CostModel(fitted)
    a, b, c = cost.coefficients
    print(f"  a message {a * 1e6:.0f} us; the link busy {b:.2f} times its nominal time; the processor {c * 1e9:.2f} ns a byte")
    small = [run for run in fitted if run[0] < CostModel.LARGE]
    large = [run for run in fitted if run[0] >= CostModel.LARGE]
    for title, runs in (("4 KiB", small), ("1 and 8 MiB, fitted", large), ("2 and 16 MiB, held out", held_out)):
        errors = [abs(cost.relative_error(run)) for run in runs]
        print(f"  sums, {title}: {len(runs)} runs, relative error median {median(errors):.1%}, largest {max(errors):.1%}")
    for case, by_rate in steps.items():
        predict(case, by_rate, cost)


def predict(case, by_rate, cost):
    parts = by_rate[HELD_OUT_RATE][0]
    size = parts["gradient_bytes"]
    sum_s = lambda ranks, rate: cost.all_reduce(size, ranks, rate * GIGABIT)
    overlap = fit_overlap([(parts, sum_s(2, rate), seconds) for rate, (_, seconds) in by_rate.items() if rate != HELD_OUT_RATE])
    measured = by_rate[HELD_OUT_RATE][1]
    predicted = step_seconds(parts, sum_s(2, HELD_OUT_RATE), overlap)
    print(f"  {case.name}: {overlap:.0%} of backward hides communication; held out at {HELD_OUT_RATE} Gbit/s: measured {measured * 1e3:.1f} ms, "
          f"predicted {predicted * 1e3:.1f} ms ({predicted / measured - 1:+.1%})")
    print(f"  {case.name}, PREDICTION, not a measurement: efficiency of N hosts in one ring, links as fast as")
    print("    " + f"{'ranks':>8}" + "".join(f"{f'{rate:g} Gbit/s':>14}" for rate in PREDICTED_RATES))
    alone = parts["forward"] + parts["backward"] + parts["optimizer"]
    for ranks in PREDICTED_RANKS:
        cells = (f"{alone / step_seconds(parts, sum_s(ranks, rate), overlap):>14.1%}" for rate in PREDICTED_RATES)
        print("    " + f"{ranks:>8}" + "".join(cells))
