"""startup: from the command to the first finished training step, ringtrain against torchrun: same data file, same model."""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from workers import PROGRAMS, SOURCE, WorkerError, environment, mpirun, torchrun

DATA = SOURCE / "datasets/cancer.csv"
SETTINGS = {"trainer.max_steps": 1, "trainer.log_every_steps": 1, "export.enabled": False}
LIMIT_S = 60


def train(folder):
    words = ["train", SOURCE / "configs/cancer.yaml", "--train-file", DATA, "--job-dir", folder]
    for name, value in SETTINGS.items():
        words += ["--set", f"{name}={json.dumps(value)}"]
    return words


def seconds_to_first_step(command, file, has_step):
    """Starts `command` and waits until `file` says that a step is done."""
    log = tempfile.TemporaryFile("w+")
    begin = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(),
                               cwd=SOURCE, start_new_session=True)
    try:
        while time.perf_counter() - begin < LIMIT_S:
            if file.exists() and has_step(file.read_text()):
                return time.perf_counter() - begin
            if process.poll() not in (None, 0):
                log.seek(0)
                raise WorkerError(f"{' '.join(map(str, command))} ended with {process.returncode}: {log.read()[-2000:]}")
            time.sleep(0.002)
        raise WorkerError(f"{command[0]}: no step within {LIMIT_S} s")
    finally:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ours(launch):
    with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder:
        return seconds_to_first_step(launch(train(folder)), Path(folder) / "log.jsonl", lambda text: '"event":"step"' in text)


def peer(ranks):
    with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder:
        done = Path(folder) / "done"
        return seconds_to_first_step(torchrun(ranks, "ddp_first_step.py", DATA, done), done, bool)


def run(report, settings):
    report.heading("startup", "seconds from the command to the first finished step, MLP 30-32-16-2 on datasets/cancer.csv")
    program = PROGRAMS / "ringtrain"
    ways = {"train --ranks 2": (2, lambda words: [program, *words, "--ranks", 2]),
            "mpirun -np 2": (2, lambda words: mpirun(2, program, *words)),
            "train, one process": (1, lambda words: [program, *words])}
    if settings.quick:
        ways = {"train --ranks 2": ways["train --ranks 2"]}
    for name, (ranks, launch) in ways.items():
        mine, theirs = [], []
        for _ in range(1 if settings.quick else settings.rounds):
            mine.append(ours(launch))
            theirs.append(peer(ranks))
        report.compare("startup", name, mine, theirs, "s", f"torchrun, {ranks} ranks")
