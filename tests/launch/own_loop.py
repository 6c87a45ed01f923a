"""examples/own_loop_gan as its reader has it, built against an installed ringtrain: `own_loop.py PROGRAM MPIEXEC`. On 1, 2 and 3 ranks its
losses are those of PyTorch's DistributedDataParallel on as many; a run that goes on from a checkpoint is the one that never stopped."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
import numpy  # noqa: E402

PROGRAM, MPIEXEC = sys.argv[1:]
STEPS = 50


def lines(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (command, done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def play(ranks, steps, folder):
    return lines(MPIEXEC, "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", "-np", ranks, PROGRAM, steps, folder)


def main():
    with jobs.Folder() as folder:
        for ranks in (1, 2, 3):
            ours, theirs = play(ranks, STEPS, folder / str(ranks)), lines(sys.executable, jobs.SOURCE / "examples/own_loop_gan/ddp.py", ranks, STEPS)
            assert len(ours) == len(theirs) == STEPS and ours[0][1:] != ours[-1][1:], (ours, theirs)
            difference = float(numpy.abs(numpy.array(ours) - numpy.array(theirs)).max())
            assert difference < 1e-9, (ranks, difference)
            print(f"{ranks} ranks: the losses of {STEPS} steps differ from DistributedDataParallel's by at most {difference:.1g}")
        first, rest = play(2, 25, folder / "stopped"), play(2, STEPS, folder / "stopped")
        assert [line[0] for line in rest] == list(range(26, STEPS + 1)), rest
        assert first + rest == play(2, STEPS, folder / "whole")
        for name in ("model.safetensors", "optimizer.safetensors"):
            stopped, whole = (folder / job / f"step-{STEPS}" / name for job in ("stopped", "whole"))
            assert stopped.read_bytes() == whole.read_bytes(), name
        print("a run that went on from a checkpoint ended with the same bits")


main()
