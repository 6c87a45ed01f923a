"""The life of a model: models, versions, evaluate, retrain, as typed. A worse candidate is refused, a better one promoted; intervals are
those of an independent computation."""

import csv
import json
import random
import shutil
import sys
from pathlib import Path

import numpy
import pyarrow.csv
import pyarrow.parquet

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

CONFIG = "configs/cancer.yaml"


def write(file, rows):
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return file


def data(folder):
    """old.csv: another machine measured, and a third of the labels is wrong; new.csv: as it is."""
    with (jobs.SOURCE / "datasets/cancer.csv").open() as file:
        rows = list(csv.DictReader(file))
    generator = random.Random(5)
    old = []
    for row in rows:
        shifted = {name: value if name == "diagnosis" else str(float(value) * 0.8 + 1) for name, value in row.items()}
        if generator.random() < 0.33:
            shifted["diagnosis"] = {"benign": "malignant", "malignant": "benign"}.get(row["diagnosis"], "1" if row["diagnosis"] == "0" else "0")
        old.append(shifted)
    return write(folder / "old.csv", old), write(folder / "new.csv", rows)


def parquet_is_the_same(folder, model, new):
    """The same rows as Parquet: the same bits of a training, the same judgement."""
    parquet = folder / "new.parquet"
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(new), parquet, row_group_size=100)
    weights = []
    for file in (new, parquet):
        job = folder / f"of {file.suffix}"
        jobs.run("train", CONFIG, "--no-export", "--train-file", file, "--ranks", "2", "--job-dir", job, "--set", "trainer.epochs=2")
        weights.append(jobs.tensors(job / "checkpoints" / (job / "checkpoints/latest").read_text().strip() / "model.safetensors"))
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0] | weights[1])
    judged = [json.loads(jobs.run("evaluate", model, file, "--json").stdout)["metrics"] for file in (new, parquet)]
    assert judged[0] == judged[1]


def served(model):
    (table,) = json.loads(jobs.run("models", model, "--json").stdout)
    return {one["version"]: one for one in table["versions"]}


def retrained(folder, model, old, new):
    live = ["--from", f"{model}@live", "--train-file", new]
    # Steps so large that nothing is learned.
    worse = jobs.run("retrain", CONFIG, *live, "--job-dir", folder / "worse", "--set", "trainer.optimizer.lr=30", "--set", "trainer.epochs=1",
                     "--set", "trainer.checkpoint.at_start=false", "--set", "export.from=last", expect=8)
    assert "Refused: it is" in worse.stdout and f"Live          {model}/1" in worse.stdout, worse.stdout
    assert served(model)[1]["live"] and not served(model)[2]["live"] and not served(model)[2]["served"]
    assert "versions: [ 1 ]" in (model / "config.pbtxt").read_text()
    report = json.loads((folder / "worse" / "retrain_report.json").read_text())
    assert not report["promoted"] and report["better_by"] < 0 and report["rows"] > 100, report

    better = jobs.run("retrain", CONFIG, *live, "--job-dir", folder / "better", "--margin", "0.002", "--ranks", "2", "--set", "trainer.epochs=20")
    assert "Promoted: it is better by at least the margin" in better.stdout, better.stdout
    report = json.loads((folder / "better" / "retrain_report.json").read_text())
    assert report["promoted"] and report["interval"][0] <= report["better_by"] <= report["interval"][1], report
    assert served(model)[3]["live"] and (folder / "better" / "retrain_report.md").exists()
    # It began with the version's preprocessing, which its weights belong to; the profile is that of the rows it learned from.
    first, last = (json.loads((model / version / "schema.json").read_text()) for version in ("1", "3"))
    assert first.pop("profile") != last.pop("profile") and first == last
    third = json.loads((model / "3" / "manifest.json").read_text())
    print(f"better by {report['better_by']:.4f} {report['interval']}")

    again = jobs.run("retrain", CONFIG, *live, "--job-dir", folder / "again", "--margin", "0.9", "--set", "trainer.epochs=1", "--discard", expect=8)
    assert "Refused" in again.stdout and 4 not in served(model)
    moved(folder, model, new, Path(third["provenance"]["checkpoint"]))


def moved(folder, model, new, checkpoint):
    """A version holds what retraining needs: copied to where its job's folder is not, it gives what it gave. What an older export lacks is said."""
    def again(base, name, **options):
        return jobs.run("retrain", CONFIG, "--from", base / "cancer/3", "--train-file", new, "--job-dir", folder / name, "--margin", "0.9",
                        "--set", "trainer.epochs=1", "--discard", **options)

    def last_weights(name):
        return jobs.tensors(folder / name / "checkpoints" / (folder / name / "checkpoints/latest").read_text().strip() / "model.safetensors")

    base = folder / "moved"
    shutil.copytree(model.parent, base)
    away = checkpoint.rename(checkpoint.parent / "away")
    again(base, "after", expect=8)
    before = last_weights("again")
    assert before.keys() == last_weights("after").keys() and all((before[name] == value).all() for name, value in last_weights("after").items())

    version = base / "cancer/3"
    training = version / "training" / checkpoint.name
    (training / "manifest.json").rename(folder / "kept")
    assert f"{training}/manifest.json is missing: copy the version's whole folder" in again(base, "gone", expect=5).stderr
    (folder / "kept").rename(training / "manifest.json")
    damaged = (training / "model.safetensors").read_bytes()
    (training / "model.safetensors").write_bytes(damaged[:-1] + bytes([damaged[-1] ^ 1]))
    assert "model.safetensors does not match its checksum" in again(base, "gone", expect=5).stderr
    manifest = json.loads((version / "manifest.json").read_text())
    manifest["files"] = {name: value for name, value in manifest["files"].items() if not name.startswith("training/")}
    (version / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(version / "training")
    said = again(base, "gone", expect=5).stderr
    assert f"{checkpoint} is gone. Bring that folder here, as {training}" in said, said
    shutil.copytree(away, training)
    again(base, "brought", expect=8)
    assert all((before[name] == value).all() for name, value in last_weights("brought").items())
    away.rename(checkpoint)


def weights_begin_as_they_were(folder, model, new):
    """trainer.start_from: the first checkpoint of a new run holds the version's weights."""
    manifest = json.loads((model / "3" / "manifest.json").read_text())
    jobs.run("train", CONFIG, "--train-file", new, "--job-dir", folder / "start", "--no-export", "--set", "trainer.max_steps=1", "--set",
             "trainer.checkpoint.at_start=true", "--set", f"trainer.start_from={manifest['provenance']['checkpoint']}")
    ours = jobs.tensors(folder / "start/checkpoints/step-0/model.safetensors")
    theirs = jobs.tensors(Path(manifest["provenance"]["checkpoint"]) / "model.safetensors")
    assert ours.keys() == theirs.keys() and all((ours[name] == theirs[name]).all() for name in ours)
    bad = jobs.run("train", CONFIG, "--job-dir", folder / "bad", "--set", "trainer.start_from=/tmp", expect=2)
    assert "is no checkpoint's folder" in bad.stderr, bad.stderr


def versions(model):
    def say(*words, expect=0):
        done = jobs.run("versions", *words, expect=expect)
        return done.stdout + done.stderr

    assert "version 1 is live again" in say("rollback", model) and served(model)[1]["live"]
    assert "no version was live before" in say("rollback", model, expect=2)
    assert "version 3 is live" in say("promote", model, 3) and "version 2 is canary" in say("label", model, "canary", 2)
    assert served(model)[2]["labels"] == ["canary"] and served(model)[2]["served"] and not served(model)[1]["served"]
    assert "versions: [ 2, 3 ]" in (model / "config.pbtxt").read_text()
    assert "there are: 1, 2, 3" in say("promote", model, 9, expect=6)
    assert "is live" in say("delete", model, 3, expect=2) and "has the label canary" in say("delete", model, 2, expect=2)
    assert "Did you mean 'canary'?" in say("unlabel", model, "canari", expect=2) and "any more" in say("unlabel", model, "canary")
    assert "cannot be a label" in say("label", model, "live", 1, expect=2) and "expected latest" in say("policy", model, "some", expect=2)
    say("policy", model, "specific:1,3")
    assert [n for n, one in served(model).items() if one["served"]] == [1, 3]
    say("policy", model, "latest:2")
    say("delete", model, 2)
    assert list(served(model)) == [1, 3]
    (model / "1" / "model.pt").write_bytes((model / "1" / "model.pt").read_bytes()[:-1])
    assert "damaged" in say("promote", model, 1, expect=6) and served(model)[3]["live"]
    table = jobs.run("models", model.parent).stdout
    assert "cancer" in table and "live" in table and "roc_auc" in table, table


def auc(scores, truth):
    pairs = scores[truth == 1][:, None] - scores[truth == 0][None, :]
    return float(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def evaluated(folder, model, new):
    shown = json.loads(jobs.run("evaluate", f"{model}@live", new, "--against", model / "1", "--json").stdout)
    with new.open() as file:
        rows = list(csv.DictReader(file))
    manifest = json.loads((model / "3" / "manifest.json").read_text())
    answers = jobs.run("predict", f"{model}@3", "--csv", new).stdout.splitlines()
    scores = numpy.array([json.loads(line)["probabilities"][1] for line in answers])
    truth = numpy.array([manifest["labels"].index(row["diagnosis"]) for row in rows])
    found = shown["metrics"]["roc_auc"]
    assert abs(found["value"] - auc(scores, truth)) < 1e-6, (found, auc(scores, truth))
    generator = numpy.random.default_rng(1)
    drawn = [auc(scores[picks], truth[picks]) for picks in (generator.integers(0, len(truth), len(truth)) for _ in range(1000))]
    low, high = numpy.percentile(drawn, [2.5, 97.5])
    width = high - low
    assert abs(found["interval"][0] - low) < 0.2 * width + 1e-6 and abs(found["interval"][1] - high) < 0.2 * width + 1e-6, (found, low, high)
    other = shown["against"]["metrics"]["roc_auc"]["value"]
    assert abs(shown["difference"]["roc_auc"]["value"] - (found["value"] - other)) < 1e-9
    text = jobs.run("evaluate", model, new, "--bootstrap", 10).stdout
    assert "roc_auc" in text and "95%" in text, text
    strange = write(folder / "strange.csv", [{**rows[0], "diagnosis": "unclear"}, *rows[1:9]])
    assert "row 1: the class 'unclear' of column 'diagnosis' is not one of the model's" in jobs.run("evaluate", model, strange, expect=3).stderr
    assert "there is no version 'nine'" in jobs.run("evaluate", f"{model}@nine", new, expect=6).stderr


def main():
    with jobs.Folder() as folder:
        old, new = data(folder)
        jobs.run("train", CONFIG, "--train-file", old, "--job-dir", folder / "job", "--set", "trainer.epochs=3", "--set", f"export.repository={folder / 'models'}")
        model = folder / "models" / "cancer"
        retrained(folder, model, old, new)
        weights_begin_as_they_were(folder, model, new)
        evaluated(folder, model, new)
        parquet_is_the_same(folder, model, new)
        versions(model)
    print("a worse version was refused, a better one promoted; versions and intervals are as they should be")


main()
