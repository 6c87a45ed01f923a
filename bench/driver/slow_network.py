"""slow_network: one training step of two emulated hosts (tools/emulate_hosts.sh), against DDP over gloo, and against what the link allows."""

import tempfile

from cases import CASES
from hosts import Hosts, available
from report import median
from rounds import each, measure
from training import ask_steps, start_ours, training_sides

NAMES = ["mlp_4m", "gpt"]
HOSTS = 2
RATE = "1gbit"


def ideal_seconds(parts, bandwidth):
    """Perfect overlap: communication costs only what backward does not hide. Two ranks each send and receive the gradients once."""
    return parts["forward"] + max(parts["backward"], parts["gradient_bytes"] / bandwidth) + parts["optimizer"]


def run(report, settings):
    if not available():
        print("\n== slow_network: NOT RUN: network namespaces need root")
        return
    report.heading("slow_network", f"ms a step, {HOSTS} emulated hosts, {RATE} a link, one rank a host; the median of interleaved rounds")
    names = ["mlp_784"] if settings.quick else settings.cases or NAMES
    with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder, Hosts(HOSTS, RATE) as hosts:
        bandwidth = hosts.bandwidth()
        print(f"  one TCP stream carries {bandwidth / 1e6:.1f} MB/s")
        for case in map(CASES.get, names):
            print(f"  {case.title}")
            spec = case.write(folder)
            narrow = case.narrow().write(folder)
            with training_sides(case, spec, HOSTS, hosts=hosts) as sides, start_ours(narrow, HOSTS, hosts) as in_16_bits:
                parts = sides["ours"].ask("parts", count=3 if settings.quick else 20)[0]
                results = each(measure(sides | {"bfloat16": in_16_bits}, settings.rounds, settings.block_s, ask_steps))
            ideal = ideal_seconds(parts, bandwidth)
            report.compare("slow_network", f"{case.name}, {RATE}", results["ours"], results["DDP tuned"], "ms", "DDP tuned", scale=1e3)
            report.compare("slow_network", f"{case.name}, {RATE}", results["ours"], [ideal], "ms", "perfect overlap", scale=1e3)
            report.compare("slow_network", f"{case.name}, {RATE}, bfloat16 on the wire", results["bfloat16"], results["ours"], "ms",
                           "ringtrain, float32", scale=1e3)
            print(f"    forward {parts['forward'] * 1e3:.1f}, backward {parts['backward'] * 1e3:.1f}, optimizer {parts['optimizer'] * 1e3:.1f} ms; "
                  f"{parts['gradient_bytes'] / 1e6:.1f} MB in {parts['gradient_bytes'] / bandwidth * 1e3:.1f} ms; "
                  f"perfect overlap {ideal * 1e3:.1f} ms, ringtrain {median(results['ours']) / ideal:.2f} times that")
