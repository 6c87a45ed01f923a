"""A run that goes on from a checkpoint ends with the same bits as one that was never interrupted: weights, optimizer state, logs; in the
middle of an epoch, with dropout, on 1, 2 and 3 ranks, also after a signal. On another number of ranks it gives the same losses to 1e-5."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

SETTINGS = dict(trainer__epochs=6, trainer__global_batch_size=50, trainer__log_every_steps=1, trainer__checkpoint__every_steps=10,
                trainer__checkpoint__keep=99, trainer__early_stopping__patience=50, model__dropout=0.3)
STEPS = 6 * 7  # 341 training rows


def train(job, ranks, *more, expect=0, **settings):
    return jobs.run("train", "configs/cancer.yaml", "--ranks", ranks, "--job-dir", job, "--no-export", *more,
                    *jobs.sets(**(SETTINGS | settings)), expect=expect)


def files(job, step):
    folder = job / "checkpoints" / f"step-{step}"
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


def evaluations(job):
    return (job / "metrics.csv").read_text()


def checkpoints_are_logged(job):
    """How long training waited for each, and how fast it was written."""
    lines = [line for line in map(json.loads, (job / "log.jsonl").read_text().splitlines()) if line["event"] == "checkpoint"]
    assert [line["step"] for line in lines] == [10, 20, 30, 40, STEPS], lines
    for line in lines:
        size = sum(file.stat().st_size for file in (job / "checkpoints" / f"step-{line['step']}").iterdir())
        assert 0 < line["bytes"] <= size, (line, size)
        assert 0 <= line["blocked_seconds"] and abs(line["bytes_per_second"] * line["seconds"] / line["bytes"] - 1) < 1e-6, line


def bit_exact(folder, ranks, optimizer, accumulate=1):
    name = f"{ranks}-{optimizer}-{accumulate}"
    whole, parts = folder / f"whole-{name}", folder / f"parts-{name}"
    settings = dict(trainer__optimizer__type=optimizer, trainer__accumulate=accumulate)
    if optimizer == "sgd":
        settings["trainer__optimizer__momentum"] = 0.9
    train(whole, ranks, **settings)
    checkpoints_are_logged(whole)
    train(parts, ranks, **settings)
    # Goes back to step 20 (an epoch has 7 steps: in the middle of the third) and on from there.
    train(parts, ranks, "--checkpoint", "step-20", **settings)
    assert files(whole, STEPS) == files(parts, STEPS), f"{ranks} ranks, {optimizer}: other bits after the resume"
    assert jobs.losses(whole) == jobs.losses(parts), "other losses"
    assert evaluations(whole) == evaluations(parts), "other metrics"
    print(f"{ranks} ranks, {optimizer}, accumulate {accumulate}: the same bits")


def other_number_of_ranks(folder):
    whole, moved = folder / "whole", folder / "moved"
    train(whole, 2, model__dropout=0)
    train(moved, 2, model__dropout=0)
    train(moved, 3, "--checkpoint", "step-20", model__dropout=0)
    difference = jobs.relative_difference(jobs.losses(moved), jobs.losses(whole))
    print(f"from 2 to 3 ranks: losses differ by {difference:.2e}")
    assert difference <= 1e-5


def sharded(folder):
    """Each rank wrote its part of the optimizer's state; 3, 2 and 1 ranks go on from them."""
    whole, moved = folder / "sharded-whole", folder / "sharded"
    train(whole, 3, model__dropout=0, trainer__shard_optimizer=True)
    names = sorted(path.name for path in (whole / "checkpoints/step-20").glob("optimizer*"))
    assert names == ["optimizer-1.safetensors", "optimizer-2.safetensors", "optimizer.safetensors"], names
    train(moved, 3, model__dropout=0, trainer__shard_optimizer=True)
    for ranks, shards in ((3, True), (2, True), (2, False), (1, False)):
        train(moved, ranks, "--checkpoint", "step-20", model__dropout=0, trainer__shard_optimizer=shards)
        difference = jobs.relative_difference(jobs.losses(moved), jobs.losses(whole))
        print(f"sharded over 3 ranks, on {ranks} ranks{' sharded' if shards else ''}: losses differ by {difference:.2e}")
        assert difference <= (0 if ranks == 3 else 1e-5)


def buckets_are_kept(folder):
    """What the first run chose, a resumed one takes: 300000 is what no measurement would give."""
    job = folder / "buckets"
    ways = dict(comm__algorithm="ring", comm__overlap="on")
    train(job, 2, comm__bucket_bytes="300000", **ways)
    again = train(job, 2, "--checkpoint", "step-20", **ways)
    state = json.loads(files(job, STEPS)["state.json"])
    assert state["progress"]["training"]["bucket_bytes"] == 300000, state["progress"]
    assert "parts of about 293.0 KiB" in again.stderr, again.stderr
    print("a resumed run takes the buckets of the run before")


def signalled(folder):
    whole = folder / "calm"
    settings = dict(trainer__epochs=60)
    train(whole, 2, **settings)
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        job = folder / one.name
        command = [jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--ranks", "2", "--job-dir", str(job), "--no-export",
                   *jobs.sets(**(SETTINGS | settings))]
        running = subprocess.Popen(command, cwd=jobs.SOURCE, stderr=subprocess.PIPE, text=True)
        while not (job / "checkpoints" / "latest").exists():
            assert running.poll() is None, running.stderr.read()
            time.sleep(0.005)
        running.send_signal(one)
        text = running.communicate(timeout=60)[1]
        assert running.returncode == 75, (running.returncode, text)
        assert "stopped by a signal" in text, text
        stopped = max(int(path.name[5:]) for path in (job / "checkpoints").glob("step-*"))
        assert stopped < 60 * 7, "it was not stopped"
        train(job, 2, "--resume", **settings)
        assert files(whole, 60 * 7) == files(job, 60 * 7), "other bits after the signal"
        print(f"stopped at step {stopped} by {one.name}, resumed: the same bits")


def main():
    with jobs.Folder() as folder:
        for ranks in (1, 2, 3):
            bit_exact(folder, ranks, "adamw")
        bit_exact(folder, 2, "sgd")
        bit_exact(folder, 2, "adamw", accumulate=3)
        other_number_of_ranks(folder)
        sharded(folder)
        buckets_are_kept(folder)
        signalled(folder)


main()
