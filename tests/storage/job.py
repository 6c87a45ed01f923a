"""A job folder in s3:// and gs://: checkpoints whole or absent also where the run is killed between two requests, --resume on another
machine, exports that predict, evaluate and models take."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import stores  # noqa: E402
import jobs  # noqa: E402

CONFIG = """
name: cards
data: {train_file: TABLE, target: fraud, features: {numeric: [size]}}
model: {hidden: [8]}
trainer: {epochs: 100, max_steps: 30, log_every_steps: 1, evaluate_every_steps: 10, global_batch_size: 32, report: false,
          checkpoint: {every_steps: 10, keep: 2}}
"""


def machine(folder, name):
    """A machine of its own is a cache of its own."""
    os.environ["RINGTRAIN_CACHE"] = str(folder / name)
    return folder / name


def losses_in(cache):
    (log,) = cache.glob("jobs/*/*/log.jsonl")
    return [(line["step"], line["loss"]) for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "step"]


def whole_steps(store, place):
    """Of the checkpoints whose manifest is there; each of its files must be as it says."""
    steps = []
    for key in store.list(f"{place}/checkpoints/"):
        if not key.endswith("/manifest.json"):
            continue
        base = key[:-len("manifest.json")]
        for name, entry in json.loads(store.get(key))["files"].items():
            assert len(store.get(base + name)) == entry["bytes"], base + name
        steps.append(int(base.rstrip("/").rsplit("-", 1)[1]))
    return sorted(steps)


def whole_life(store, folder, config, right):
    place = store.at("jobs/cards")
    machine(folder, "first")
    said = jobs.run("train", config, "--job-dir", place, "--set", "trainer.max_steps=20").stderr
    assert "a copy of" in said and "all of it is there" in said, said
    assert whole_steps(store, "jobs/cards") == [10, 20], store.list("jobs/")
    assert "holds a run already" in jobs.run("train", config, "--job-dir", place, expect=2).stderr
    second = machine(folder, "second")
    jobs.run("train", config, "--job-dir", place, "--resume")
    assert whole_steps(store, "jobs/cards") == [20, 30], "old ones go, as locally"
    assert losses_in(second)[-10:] == right[-10:], (losses_in(second), right)
    machine(folder, "third")
    model = store.at("jobs/cards/export/cards")
    answers = jobs.run("predict", model, "--input", folder.parent / "cards.csv").stdout
    newest = max((second / "jobs").glob("*/*/export/cards/[0-9]*"), key=lambda one: int(one.name))
    assert answers == jobs.run("predict", newest, "--input", folder.parent / "cards.csv").stdout and len(answers.splitlines()) == 600
    assert "cards" in jobs.run("models", store.at("jobs/cards/export")).stdout
    before = len(store.proxy.requests)
    jobs.run("predict", model, "--input", folder.parent / "cards.csv")
    again = [path for method, path in store.proxy.requests[before:] if method == "GET" and "model.pt" in path and "list-type" not in path]
    assert not again, again
    print(f"{store.scheme}: train, resume on another machine, predict and models")


def refused(store, folder, config):
    """At the start, not with the first checkpoint."""
    machine(folder, "refused")
    place = store.at("jobs/cards", bucket="nowhere")
    done = jobs.run("train", config, "--job-dir", place, expect=None)
    assert done.returncode != 0 and "nowhere" in done.stderr and "step" not in done.stdout + done.stderr, done
    print(f"{store.scheme}: no bucket")


def killed(store, folder, config):
    """At several requests of an upload: what was whole stays so, and the run goes on elsewhere."""
    for number, stop_at in enumerate((1, 4, 7, 9)):
        machine(folder, f"killed-{number}")
        job = f"jobs/killed-{number}"
        run = subprocess.Popen([jobs.RINGTRAIN, "train", str(config), "--job-dir", store.at(job), "--no-export"], stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
        seen = [0]

        def fault(method, path, run=run, seen=seen, stop_at=stop_at):
            if method in ("PUT", "POST") and "checkpoints" in path:
                seen[0] += 1
                if seen[0] == stop_at:
                    run.send_signal(signal.SIGKILL)
                    return ("cut", 0)
            return None

        store.proxy.fault = fault
        assert run.wait(60) == -signal.SIGKILL, "killed too late"
        store.proxy.fault = lambda *_: None
        whole = whole_steps(store, job)
        machine(folder, f"killed-{number}-after")
        jobs.run("train", config, "--job-dir", store.at(job), "--no-export", *(["--resume"] if whole else []))
        assert whole_steps(store, job) == [20, 30], whole_steps(store, job)
    print(f"{store.scheme}: killed at several requests of an upload")


with jobs.Folder() as folder:
    import random
    draw = random.Random(1)
    sizes = [draw.random() for _ in range(600)]
    (folder / "cards.csv").write_text("size,fraud\n" + "".join(f"{size:.4f},{int(size > 0.5)}\n" for size in sizes))
    config = folder / "cards.yaml"
    config.write_text(CONFIG.replace("TABLE", str(folder / "cards.csv")))
    jobs.run("train", config, "--job-dir", folder / "local", "--no-export")
    right = [(line["step"], line["loss"]) for line in map(json.loads, (folder / "local" / "log.jsonl").read_text().splitlines()) if line["event"] == "step"]
    for store in [kind() for kind in (stores.S3, stores.GS) if kind.scheme in (sys.argv[1:] or ["s3", "gs"])]:
        own = folder / store.scheme
        own.mkdir()
        whole_life(store, own, config, right)
        refused(store, own, config)
        killed(store, own, config)
