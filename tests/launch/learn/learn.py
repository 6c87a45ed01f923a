"""`ringtrain learn`: what is learned from a stream is measured before it, made live where it is better, and written down; ranks, forms of the stream
and restarts change nothing; poison does not come through. Short: a few thousand rows of three numbers."""

import json
import os
import random
import shutil
import signal
import sys
import time

import numpy

import online
import streams
from online import jobs

sys.path.insert(0, str(jobs.SOURCE / "tests/support"))
import processes  # noqa: E402


def concept(rows, seed, threshold, noise=0.0):
    return streams.rows_of(*streams.sea(rows, seed, thresholds=(threshold,), noise=noise), seed=seed)


def same_weights(a, b, tolerance=0.0):
    a, b = jobs.tensors(online.newest(a)), jobs.tensors(online.newest(b))
    assert a.keys() == b.keys()
    for name, value in a.items():
        difference = jobs.relative_difference(value, b[name])
        assert difference <= tolerance, (name, difference)


def learns(folder, model, stream):
    """A file to its end: metrics, candidates, versions, the journal, the audit."""
    done = online.learn(folder, stream, "job")
    assert "Learned " in done.stdout and "made live: 2 (step" in done.stdout, done.stdout
    clean = streams.write_csv(folder / "clean.csv", concept(2000, 90, 12.0))
    live = json.loads((model / "versions.json").read_text())["live"]
    assert live >= 2, live
    before, after = online.accuracy(model / "1", clean), online.accuracy(f"{model}@live", clean)
    assert after > before + 0.05 and after > 0.93, (before, after)

    job = folder / "job"
    lines = (job / "metrics.csv").read_text().splitlines()
    header = lines[0].split(",")
    last = dict(zip(header, map(float, lines[-1].split(","))))
    assert {"step", "rows", "all_loss", "all_accuracy", "window_accuracy"} <= set(header) and last["rows"] == 4000, last
    assert last["window_accuracy"] > last["all_accuracy"] > before, last
    steps = online.entries(job, "step")
    learned = sum(r["rows"] for entry in steps for r in entry["rows"])
    assert learned == last["learned"] and last["quarantined"] == 0 and learned == 4000 - 4000 // 5, (learned, last)
    assert steps[0]["rows"][0]["first"] == len("x0,x1,x2,label,user\n"), steps[0]
    decisions = online.entries(job, "decision")
    assert [entry["version"] for entry in decisions if entry["promoted"]][-1] == live

    manifest = json.loads((model / str(live) / "manifest.json").read_text())
    made = manifest["provenance"]["learn"]
    step = manifest["provenance"]["step"]
    assert made["learned_from"][0]["rows"] == sum(r["rows"] for entry in steps if entry["step"] <= step for r in entry["rows"]), made
    assert made["after"] > made["before"]
    audit = jobs.run("learn", "--audit", job).stdout
    assert f"Version {live} (step {step}) learned from" in audit and "all verified" in audit, audit
    text = (job / "journal.jsonl").read_text()
    (job / "journal.jsonl").write_text(text.replace('"earlier_rows":8', '"earlier_rows":9', 1))
    assert "is not what was written" in jobs.run("learn", "--audit", job, expect=5).stderr
    (job / "journal.jsonl").write_text(text)
    # Retraining goes on from what was learned.
    jobs.run("retrain", folder / "online.yaml", "--from", f"{model}/{live}", "--train-file", clean, "--job-dir", folder / "retrained", "--margin", "0.5",
             "--set", "trainer.epochs=1", expect=8)
    print(f"accuracy {before:.3f} -> {after:.3f}")


def forms_and_ranks(folder, rows, stream):
    """JSON lines, a folder of files, the standard input, two ranks: the same weights."""
    words = ("--set", "learn.candidate_rows=100000000", "--set", "learn.guards.least_rows=1000000")
    online.learn(folder, stream, "plain", *words)
    online.learn(folder, streams.write_json(folder / "rows.jsonl", rows), "json", *words)
    same_weights(folder / "json", folder / "plain")
    parts = folder / "parts"
    parts.mkdir()
    for i, begin in enumerate(range(0, len(rows), 1300)):
        streams.write_csv(parts / f"{i}.csv", rows[begin:begin + 1300])
    (parts / "9.csv.tmp").write_text("half a f")
    online.learn(folder, parts, "folder", *words)
    same_weights(folder / "folder", folder / "plain")
    assert [entry["source"] for entry in online.entries(folder / "folder", "source")] == ["0.csv", "1.csv", "2.csv", "3.csv"]
    with open(stream) as given:
        online.learn(folder, "-", "piped", *words, stdin=given)
    same_weights(folder / "piped", folder / "plain")
    online.learn(folder, stream, "two", *words, "--ranks", "2")
    same_weights(folder / "two", folder / "plain", 1e-5)
    a, b = ((folder / job / "metrics.csv").read_text().splitlines()[-1].split(",") for job in ("two", "plain"))
    assert numpy.allclose(numpy.array(a, float), numpy.array(b, float), rtol=1e-4), (a, b)


def follows(folder, rows):
    """A growing file, a signal, and the rest of the file with --resume: as if nothing had happened."""
    words = ("--set", "learn.candidate_rows=100000000", "--set", "learn.guards.least_rows=1000000")
    lines = streams.write_csv(folder / "whole.csv", rows).read_text().splitlines(keepends=True)
    growing = folder / "growing.csv"
    growing.write_text("".join(lines[:700]) + lines[700][:5])
    running = online.start(folder, growing, "followed", *words, "--follow")
    journal = folder / "followed/journal.jsonl"
    processes.wait_for(lambda: journal.exists() and journal.read_text().count('"step"') > 20, "steps of a followed file")
    with growing.open("a") as file:
        file.write(lines[700][5:] + "".join(lines[701:900]))
    processes.wait_for(lambda: journal.read_text().count('"kind":"step"') >= 900 * 4 // 5 // 24, "steps of what was added")
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 75 and "--resume goes on" in said, said
    growing.write_text("".join(lines))
    online.learn(folder, growing, "followed", *words, "--resume")
    online.learn(folder, folder / "whole.csv", "undisturbed", *words)
    same_weights(folder / "followed", folder / "undisturbed")


def killed(folder, stream, ranks, moments, seed):
    """kill -9 at any moment, as often as it takes: the same weights, versions and journal as undisturbed, and each row once."""
    chance = random.Random(seed)
    base = f"models-{ranks}"
    undisturbed = folder / f"calm-{ranks}"
    words = ("--set", "learn.candidate_rows=1500", *(("--ranks", ranks) if ranks > 1 else ()))
    begin = time.monotonic()
    copy_models(folder, base + "-calm")
    online.learn(folder, stream, undisturbed.name, *words, base=base + "-calm")
    took = time.monotonic() - begin
    copy_models(folder, base)
    job = folder / f"killed-{ranks}"
    kills = 0
    for attempt in range(moments * 4):
        resume = ("--resume",) if (job / "checkpoints/latest").exists() else ("--overwrite",)
        running = online.start(folder, stream, job.name, *words, *resume, base=base, start_new_session=True)
        if kills < moments:
            time.sleep(chance.uniform(0.2, 1.0) * took)
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                for pid in processes.rank_pids(running.pid).values():
                    os.kill(pid, signal.SIGKILL)
                kills += 1
                running.communicate()
                continue
        out, said = running.communicate(timeout=100)
        if running.returncode == 0 and kills < moments:
            break
        assert running.returncode == 0, said
        break
    same_weights(job, undisturbed)

    assert story(job, folder / base / "online") == story(undisturbed, folder / (base + "-calm") / "online")
    assert (job / "metrics.csv").read_text() == (undisturbed / "metrics.csv").read_text()
    print(f"{kills} kills of {ranks} ranks")


def story(job, model):
    """What the journal says, without what is another job's by nature. Versions count by their order: the number of an export that was killed is not given
    again."""
    versions = sorted(int(one.name) for one in model.iterdir() if one.name.isdigit())
    told = [{name: value for name, value in entry.items() if name not in ("checksum", "began", "from", "settings")} for entry in online.journal(job)]
    for entry in told:
        for name in {"version", "against"} & entry.keys():
            entry[name] = versions.index(entry[name]) if entry[name] else None
    return told + [len(versions)]


def copy_models(folder, name):
    """Version 1 alone, as it was."""
    target = folder / name / "online"
    shutil.copytree(folder / "models/online/1", target / "1")
    for file in ("config.pbtxt", "labels.txt"):
        if (folder / "models/online" / file).exists():
            shutil.copy(folder / "models/online" / file, target / file)


def main():
    soak = "--soak" in sys.argv or os.environ.get("RINGTRAIN_SOAK") == "1"
    with jobs.Folder() as folder:
        rows = concept(4000, 2, 12.0)
        model = online.first_version(folder, concept(1500, 1, 8.0))
        stream = streams.write_csv(folder / "new.csv", rows)
        learns(folder, model, stream)
        forms_and_ranks(folder, rows, stream)
        follows(folder, rows[:1500])
        short = streams.write_csv(folder / "short.csv", rows[:2500])
        for ranks in (1, 2):
            killed(folder, short, ranks, 20 if soak else 3 - ranks + 1, 7)
    print("learned, each row once")


main()
