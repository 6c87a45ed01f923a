"""Jobs on GPUs: of one rank, and of two, which share a GPU where there is only one."""

import subprocess
import sys

import jobs


def count():
    try:
        return subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout.count("GPU ")
    except (OSError, subprocess.CalledProcessError):
        return 0


def required():
    """How many there are; without one the test ends as not run."""
    gpus = count()
    if gpus == 0:
        print("no GPU: NOT RUN")
        sys.exit(77)
    if gpus == 1:
        print("one GPU: two ranks share it (trainer.share_gpus)")
    return gpus


def sets(ranks, **settings):
    """--set arguments of a job on GPUs."""
    sharing = dict(trainer__share_gpus=True) if ranks > count() else {}
    return jobs.sets(trainer__device="cuda", **(sharing | settings))


def require_used(job):
    log = (job / "logs/rank-00.log").read_text()
    assert " on cuda:0, " in log, f"{job}: not on a GPU\n{log}"
    return log
