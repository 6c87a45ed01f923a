"""watch: what it costs to be watched, and to be looked at: the thread that sends beats, the comparison of replicas, and a logged step (log.jsonl,
TensorBoard's events, the progress bar). No peer does the first two; they are shares of training's own time, measured inside one run, so that the
machine's noise falls on both sides. A logged step is the difference of runs that log each step and none, in turns."""

import datetime
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from workers import PROGRAMS, SOURCE, environment

RANKS, EVERY, WINDOW = 2, 100, 25  # replicas are compared every 100 steps, as by default; the log tells the time of each 25
CASES = (("MLP 30-64-32-2 (4,194 parameters)", [64, 32]), ("MLP 30-1536-1536-280-2 (2.8M parameters)", [1536, 1536, 280]))


def table(folder, rows):
    file = Path(folder) / "fraud.csv"
    subprocess.run([PROGRAMS / "ringtrain", "generate", "fraud", "--rows", str(rows), "--output", file], check=True, stdout=subprocess.DEVNULL)
    return file


def monitor_seconds(pids):
    """The processor time of the threads that beat, so far."""
    seconds = {}
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*"):
            try:
                if (task / "comm").read_text().strip() == "monitor":
                    seconds[task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
            except (FileNotFoundError, ProcessLookupError):
                continue
    return seconds


def ranks_of(process):
    found = subprocess.run(["pgrep", "--session", str(process.pid), "--full", "ringtrain train"], stdout=subprocess.PIPE, text=True)
    return [int(word) for word in found.stdout.split()]


def logged_step(data, folder, hidden, steps):
    """Seconds of a step on one rank, logged and not, from the run's own clock: its first and last line of the log."""
    seconds = {}
    for name, every in (("none", 1000000), ("each", 1)):
        settings = {"data.train_file": str(data), "model.hidden": hidden, "trainer.max_steps": steps, "trainer.epochs": 100000,
                    "trainer.global_batch_size": 512, "trainer.log_every_steps": every, "trainer.tensorboard": every == 1, "trainer.report": False,
                    "trainer.evaluate_every_steps": 1000000, "trainer.check_replicas_every_steps": 0, "trainer.checkpoint.every_steps": 1000000,
                    "export.enabled": False}
        words = [PROGRAMS / "ringtrain", "train", SOURCE / "configs/fraud.yaml", "--job-dir", folder / name, "--overwrite"]
        for key, value in settings.items():
            words += ["--set", f"{key}={json.dumps(value)}"]
        subprocess.run(list(map(str, words)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), cwd=SOURCE)
        lines = [json.loads(line) for line in (folder / name / "log.jsonl").read_text().splitlines()]
        begin = next(line for line in lines if line["event"] == "start")
        end = next(line for line in lines if line["event"] == "evaluation")
        seconds[name] = (time_of(end) - time_of(begin) - end["seconds"]) / steps
    return seconds


def time_of(line):
    return datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()


def train(data, folder, hidden, steps):
    """Windows' seconds by their place between two comparisons, and the beating threads' share of the training's time."""
    settings = {"data.train_file": str(data), "model.hidden": hidden, "trainer.max_steps": steps, "trainer.epochs": 100000,
                "trainer.global_batch_size": 512, "trainer.log_every_steps": WINDOW, "trainer.evaluate_every_steps": 1000000,
                "trainer.check_replicas_every_steps": EVERY, "trainer.checkpoint.every_steps": 1000000, "export.enabled": False}
    words = [PROGRAMS / "ringtrain", "train", SOURCE / "configs/fraud.yaml", "--ranks", RANKS, "--job-dir", folder / "job", "--overwrite"]
    for name, value in settings.items():
        words += ["--set", f"{name}={json.dumps(value)}"]
    process = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(), cwd=SOURCE,
                               start_new_session=True, text=True)
    beating = {}
    while process.poll() is None:
        beating |= monitor_seconds(ranks_of(process))
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            pass
    assert process.returncode == 0, process.stderr.read()
    assert len(beating) == RANKS, f"{len(beating)} threads beat, expected {RANKS}"
    lines = [json.loads(line) for line in (folder / "job/log.jsonl").read_text().splitlines()]
    windows = {place: [] for place in range(0, EVERY, WINDOW)}
    for line in lines:
        if line["event"] == "step" and line["step"] > EVERY:  # the first ones warm up
            windows[line["step"] % EVERY].append(512 * WINDOW / line["samples_per_second"])
    return windows, sum(beating.values()) / RANKS / sum(map(sum, windows.values()))


def run(report, settings):
    report.heading("watch", "shares of the training's time on 2 ranks, in percent", peers=False)
    with tempfile.TemporaryDirectory(prefix="bench-watch-") as folder:
        data = table(folder, 5000 if settings.quick else 50000)
        for name, hidden in CASES[:1] if settings.quick else CASES:
            steps = 20000 if len(hidden) == 2 else 1000
            compared, beats = [], []
            for _ in range(1 if settings.quick else settings.rounds):
                windows, share = train(data, Path(folder), hidden, steps)
                without = statistics.median([seconds for place, many in windows.items() if place for seconds in many])
                compared.append(100 * (statistics.median(windows[0]) - without) / (without * EVERY / WINDOW))
                beats.append(100 * share)
            logged = [logged_step(data, Path(folder), hidden, steps // 4) for _ in range(1 if settings.quick else settings.rounds)]
            per_step = [1e6 * (one["each"] - one["none"]) for one in logged]
            print(f"  {name:<42} a logged step: {statistics.median(per_step):.1f} µs [{min(per_step):.1f}, {max(per_step):.1f}] of "
                  f"{1e6 * statistics.median(one['none'] for one in logged):.0f} µs", flush=True)
            report.shares("watch", name, {"replicas compared every 100 steps": compared, "beats, a thread a rank": beats}, "%")
    print(f"(the median of windows of {WINDOW} steps with a comparison, less that of those without one; the processor time of the thread `monitor`)")
