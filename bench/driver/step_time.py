"""step_time: one training step, ringtrain against DistributedDataParallel, same weights, batches and optimizer."""

import tempfile

from cases import CASES
from rounds import each, measure
from training import ask_steps, choose_peer, training_sides
from workers import usable_cores, usable_gpus

NAMES = ["mlp_small", "mlp_784", "resnet20", "gpt"]
MOST_KERNELS = 40  # printed
GPU_NAMES = ["gpt_small_gpu", "resnet50", "gpt2_124m"]


def run(report, settings):
    report.heading("step_time", f"ms a step, {usable_cores()} cores, one thread a rank; the median of interleaved rounds [min, max]")
    names = ["mlp_small"] if settings.quick else settings.cases or NAMES + (GPU_NAMES if usable_gpus() else [])
    with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder:
        for case in map(CASES.get, names):
            print(f"  {case.title}")
            spec = case.write(folder)
            if case.gpu:
                ranks = [n for n in settings.ranks if n <= usable_gpus()]
            else:
                ranks = [2] if settings.quick else settings.ranks
                if not settings.quick:
                    choose_peer(case, spec, 2, settings)
            for n in ranks:
                run_case(report, settings, case, spec, n)


def print_kernels(side, kernels):
    """The longest ones."""
    print(f"    {side}: {sum(kernel['ms'] for kernel in kernels):.2f} ms of {sum(kernel['calls'] for kernel in kernels):.0f} kernels a step")
    for kernel in kernels[:MOST_KERNELS]:
        print(f"      {kernel['ms']:7.3f} ms {kernel['calls']:5.0f} x {kernel['name'][:110]}")


def run_case(report, settings, case, spec, ranks):
    with training_sides(case, spec, ranks, default_too=not settings.quick, only=settings.peers) as sides:
        results = measure(sides, settings.rounds, settings.block_s, ask_steps)
        if settings.profile and case.gpu:
            for name, workers in sides.items():
                print_kernels(name, workers.ask("profile", count=5)[0]["kernels"])
    oversubscribed = ", oversubscribed" if ranks > usable_cores() else ""
    seconds, cpu = each(results), each(results, "cpu_seconds")
    for peer in list(sides)[1:]:
        title = f"{case.name}, {ranks} ranks{oversubscribed}"
        report.compare("step_time", title, seconds["ours"], seconds[peer], "ms", peer, scale=1e3)
        report.compare("step_time", title + ", CPU", cpu["ours"], cpu[peer], "ms", peer, scale=1e3)
