"""all_reduce: the sum of a float32 buffer over two ranks, ringtrain against plain MPI_Allreduce and gloo."""

from contextlib import ExitStack

from rounds import each, measure
from workers import PROGRAMS, Workers, mpirun, torchrun

RANKS = 2
SIZES = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20]


def start(settings, ranks=RANKS):
    """The three sides, started."""
    return {
        "ours": Workers("ringtrain", ranks, lambda path: [mpirun(ranks, PROGRAMS / "bench_all_reduce", path)]),
        "MPI_Allreduce": Workers("MPI", ranks, lambda path: [mpirun(ranks, PROGRAMS / "bench_mpi_all_reduce", path)]),
        "gloo": Workers("gloo", ranks, lambda path: [torchrun(ranks, "gloo_all_reduce.py", path)]),
    }


def size_name(size):
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def asking(size, ranks=RANKS):
    def ask(workers, count):
        answer = workers.ask("all_reduce", bytes=size, count=count)[0]
        if answer["sum"] != ranks * (ranks + 1) / 2:
            raise AssertionError(f"{workers.name}: the sum of {size} bytes is {answer['sum']}")
        return answer
    return ask


def run(report, settings):
    report.heading("all_reduce", f"float32, in place, {RANKS} ranks; the median of interleaved rounds [min, max]")
    with ExitStack() as stack:
        sides = {name: stack.enter_context(side) for name, side in start(settings).items()}
        for size in SIZES[2:5:2] if settings.quick else SIZES:
            results = each(measure(sides, settings.rounds, min(settings.block_s, 0.5), asking(size)))
            bandwidth = {name: [2 * (RANKS - 1) / RANKS * size / s / 1e9 for s in seconds] for name, seconds in results.items()}
            for peer in ("MPI_Allreduce", "gloo"):
                report.compare("all_reduce", f"{size_name(size)}, time", results["ours"], results[peer], "us", peer, scale=1e6)
                report.compare("all_reduce", f"{size_name(size)}, bus bandwidth", bandwidth["ours"], bandwidth[peer], "GB/s", peer,
                               lower_is_better=False)
