"""One run at a time in a job folder: a second one is refused, a killed one is followed at once, another machine's only when it is silent."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import wait_for  # noqa: E402

CONFIG = ["configs/cancer.yaml", "--no-export", *jobs.sets(trainer__checkpoint__every_steps=20, trainer__log_every_steps=1)]
LONG = [*CONFIG, "--set", "trainer.epochs=100000"]
SHORT = [*CONFIG, "--set", "trainer.epochs=100000", "--set", "trainer.max_steps=5"]


def start(job, *more):
    process = subprocess.Popen([jobs.RINGTRAIN, "train", *LONG, "--job-dir", str(job), *more], cwd=jobs.SOURCE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    wait_for(lambda: (job / "checkpoints/latest").exists() or process.poll() is not None, "checkpoint")
    assert process.poll() is None, process.stderr.read()
    return process


def newest(job):
    return int((job / "checkpoints/latest").read_text().strip()[5:])


def refused(job, *more, words=()):
    begin = time.monotonic()
    done = jobs.run("train", *SHORT, "--job-dir", job, *more, expect=2)
    said = [line for line in done.stderr.splitlines() if line.startswith("ringtrain:")]
    assert len(said) == 1 and f"{job} is in use" in said[0], done.stderr
    for word in (*words, "--job-dir", "job.lock"):
        assert word in said[0], (word, said[0])
    return time.monotonic() - begin


def two_at_once(job):
    """Neither --overwrite nor --resume gets what another run holds; that one does not notice."""
    first = start(job, "--overwrite")
    owner = json.loads((job / "job.lock").read_text())
    assert owner["pid"] == first.pid, owner
    log = (job / "logs/rank-00.log").stat().st_ino
    refused(job, "--overwrite", words=[f"pid {first.pid} on host {owner['host']}, since {owner['since']}"])
    refused(job, "--resume", "--ranks", 2, words=[f"kill {first.pid}"])
    assert first.poll() is None and (job / "logs/rank-00.log").stat().st_ino == log
    return first


def followed_at_once(job, first):
    """After kill -9 nobody waits; after a signal the lock is gone."""
    first.kill()
    first.wait()
    assert (job / "job.lock").exists()
    before = newest(job)
    second = start(job, "--resume")
    wait_for(lambda: newest(job) > before, "later checkpoint")
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 75 and not (job / "job.lock").exists(), second.stderr.read()


def another_machine(folder, job):
    lock = job / "job.lock"
    other = {"host": "far", "boot": "b", "pid_namespace": "pid:[1]", "pid": 4711, "start_time": 1, "slurm_job": "17", "slurm_restarts": "", "launch": "",
             "since": "2026-01-05T12:00:03Z", "nonce": "n"}
    lock.write_text(json.dumps(other))
    heart = subprocess.Popen(["sh", "-c", f'while sleep 0.3; do touch "{lock}"; done'], start_new_session=True)
    try:
        refused(job, "--overwrite", words=["pid 4711 on host far (Slurm job 17), since 2026-01-05T12:00:03Z", "has just renewed it"])
    finally:
        os.killpg(heart.pid, signal.SIGKILL)
        heart.wait()
    # Silent for more than a minute, by the clock of the files.
    then = time.time() - 100
    os.utime(lock, (then, then))
    done = jobs.run("train", *SHORT, "--job-dir", job, "--overwrite", "--ranks", 2)
    assert "is taken over: pid 4711 on host far" in done.stderr and not lock.exists(), done.stderr
    assert newest(job) == 5

    # A run that was taken for dead wakes up: it stops, and moves nothing.
    asleep = start(folder / "asleep", "--ranks", "2")
    lock = folder / "asleep" / "job.lock"
    lock.unlink()
    lock.write_text(json.dumps(other))
    errors = asleep.communicate(timeout=60)[1]
    # The other rank may have seen it end.
    said = [line for line in errors.splitlines() if line.startswith("ringtrain:") and "rank 1" not in line]
    assert asleep.returncode == 2 and len(said) == 1 and "another run's now (pid 4711 on host far" in said[0], errors
    assert "training goes on" not in errors, errors
    assert json.loads(lock.read_text()) == other


def main():
    with jobs.Folder() as folder:
        job = folder / "job"
        followed_at_once(job, two_at_once(job))
        another_machine(folder, job)


main()
