"""`ringtrain learn`: what is learned from a stream is measured before it, made live where it is better, and written down; ranks, forms of the stream
and when its rows come change nothing. Short: a few thousand rows of three numbers."""

import json
import signal
import sys

import numpy

import online
import streams
from online import concept, jobs, same_weights

sys.path.insert(0, str(jobs.SOURCE / "tests/support"))
import processes  # noqa: E402


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
    for i, begin in enumerate(range(0, len(rows), 500)):
        streams.write_csv(parts / f"{i}.csv", rows[begin:begin + 500])
    (parts / "9.csv.tmp").write_text("half a f")
    online.learn(folder, parts, "folder", *words)
    same_weights(folder / "folder", folder / "plain")
    assert [entry["source"] for entry in online.entries(folder / "folder", "source")] == ["0.csv", "1.csv", "2.csv"]
    with open(stream) as given:
        online.learn(folder, "-", "piped", *words, stdin=given)
    same_weights(folder / "piped", folder / "plain")
    online.learn(folder, stream, "two", *words, "--ranks", "2")
    same_weights(folder / "two", folder / "plain", 1e-5)
    a, b = ((folder / job / "metrics.csv").read_text().splitlines()[-1].split(",") for job in ("two", "plain"))
    assert numpy.allclose(numpy.array(a, float), numpy.array(b, float), rtol=1e-4), (a, b)


def follows(folder, rows):
    """A growing file, a signal, and the rest of the file with --resume: as if nothing had happened. Candidates are measured after the same rows, also
    where a batch is half there."""
    words = ("--set", "learn.candidate_rows=64", "--set", "learn.guards.least_rows=1000000")
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
    assert done_by(folder / "followed") == done_by(folder / "undisturbed")
    growing.write_text("".join(lines[:200]))
    assert "bytes were read of it before" in online.learn(folder, growing, "followed", *words, "--resume", expect=3).stderr


def done_by(job):
    """What the journal says, without what is of the file and not of its rows."""
    return [{name: value for name, value in entry.items() if name not in ("checksum", "source", "rows")} for entry in online.journal(job)[1:]]


def later_files(folder, rows):
    """A folder to its end, again, and again with more files: what was done stays as it was, and a file that comes too late is told."""
    words = ("--set", "learn.candidate_rows=100000000", "--set", "learn.guards.least_rows=1000000")
    inbox = folder / "inbox"
    inbox.mkdir()
    job = folder / "inbox-job"
    # The last rows of the file are one that is held out and one that is refused: behind the last step.
    streams.write_csv(inbox / "b.csv", rows[:200] + [{**rows[200], "x0": "far"}])
    online.learn(folder, inbox, job.name, *words)
    before = online.journal(job)
    assert before[-1]["kind"] == "decision" and before[-2]["read"] == 201, before[-2:]
    online.learn(folder, inbox, job.name, *words, "--resume")
    assert online.journal(job) == before and len(online.quarantine(job)) == 1
    streams.write_csv(inbox / "c.csv", rows[200:500])
    streams.write_csv(inbox / "a.csv", rows[500:])
    said = online.learn(folder, inbox, job.name, *words, "--resume").stderr
    assert "a.csv came after c.csv was taken, and is passed over" in said or "a.csv came after b.csv was taken, and is passed over" in said, said
    after = online.journal(job)
    assert after[:len(before)] == before and [entry["source"] for entry in online.entries(job, "source")] == ["b.csv", "c.csv"]
    learned = [r for entry in online.entries(job, "step") for r in entry["rows"]]
    assert sum(r["rows"] for r in learned) == 400 and len(online.quarantine(job)) == 1, learned


def main():
    with jobs.Folder() as folder:
        rows = concept(4000, 2, 12.0)
        model = online.first_version(folder, concept(1500, 1, 8.0))
        stream = streams.write_csv(folder / "new.csv", rows)
        learns(folder, model, stream)
        forms_and_ranks(folder, rows[:1500], streams.write_csv(folder / "short.csv", rows[:1500]))
        follows(folder, rows[:1500])
        later_files(folder, rows[:600])
    print("learned, each row once")


main()
