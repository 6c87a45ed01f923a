"""Train, export, predict, as a user does, and the same model read by others: the checkpoint by Python's safetensors, the export by
Python's torch.jit and by ONNX Runtime. All give the probabilities of `ringtrain predict`, to 1e-5."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy
import onnxruntime
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402


def rows_of(file):
    with open(file, newline="") as opened:
        return list(csv.DictReader(opened))


def words_table(folder):
    """A table with categories, missing values, and a target of words."""
    random = numpy.random.default_rng(5)
    text = "amount,country,age,channel,outcome\n"
    for _ in range(600):
        amount, country = random.lognormal(3, 1), random.choice(["DE", "FR", "IT", ""], p=[0.5, 0.3, 0.15, 0.05])
        age = "" if random.random() < 0.1 else str(random.integers(18, 90))
        channel = random.choice(["web", "shop"])
        risk = 0.02 * amount + (2 if country == "IT" else 0) + (1 if channel == "web" else 0)
        text += f"{amount:.2f},{country},{age},{channel},{'late' if risk + random.normal() > 2.5 else 'paid'}\n"
    (folder / "words.csv").write_text(text)
    config = folder / "words.yaml"
    config.write_text(f"""
name: words
data:
  train_file: {folder / 'words.csv'}
  target: outcome
  features: {{categorical: [country, channel]}}
  missing: {{numeric: mean, categorical: category}}
model: {{type: mlp, hidden: [8]}}
task: {{type: binary_classification, class_weights: balanced, focal_gamma: 1}}
trainer: {{epochs: 5, global_batch_size: 64}}
""")
    return config


def by_others(version, rows):
    """Probabilities by torch.jit and by ONNX Runtime of the raw columns."""
    manifest = json.loads((version / "manifest.json").read_text())
    columns = manifest["preprocessing"]
    numeric = numpy.array([[float(row[c["name"]] or "nan") for c in columns["numeric"]] for row in rows], numpy.float32)
    words = {c["name"]: [row[c["name"]] for row in rows] for c in columns["categorical"]}
    with torch.no_grad():
        jit = torch.jit.load(str(version / "model.pt"))(torch.from_numpy(numeric), *words.values())
    session = onnxruntime.InferenceSession(str(version / "model.onnx"))
    feeds = {"numeric": numeric} | {name: numpy.array(column, object) for name, column in words.items()}
    onnx = session.run(["probabilities", "class"], feeds)
    return (jit[0].numpy(), jit[1].numpy()), onnx


def compare(name, job, export, rows):
    version = export / "1"
    instances = job.parent / f"{name}.jsonl"
    manifest = json.loads((version / "manifest.json").read_text())
    numbers = {c["name"] for c in manifest["preprocessing"]["numeric"]}
    columns = [c["name"] for kind in ("numeric", "categorical") for c in manifest["preprocessing"][kind]]
    value = lambda row, c: None if row[c] == "" else float(row[c]) if c in numbers else row[c]
    objects = [{c: value(row, c) for c in columns} for row in rows]
    instances.write_text("".join(json.dumps(o if n % 2 else list(o.values())) + "\n" for n, o in enumerate(objects)))
    answers = [json.loads(line) for line in jobs.run("predict", export, "--json-instances", instances).stdout.splitlines()]
    assert len(answers) == len(rows)
    ours = numpy.array([a["probabilities"] for a in answers])
    for kind, (probabilities, classes) in zip(("torch.jit", "ONNX Runtime"), by_others(version, rows)):
        difference = numpy.abs(probabilities - ours).max()
        print(f"{name}: predict and {kind} differ by {difference:.1e}")
        assert difference <= 1e-5
        assert list(classes) == [a["class"] for a in answers], kind
    labels = (export / "labels.txt").read_text().splitlines()
    assert [a["label"] for a in answers] == [labels[a["class"]] for a in answers]

    # The same rows as CSV, to JSON lines and to CSV; from the standard input; and a bad row among them.
    table = job.parent / f"{name}-rows.csv"
    with open(table, "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({c: row[c] for c in columns} for row in rows)
    by_csv = [json.loads(line) for line in jobs.run("predict", export, "--csv", table).stdout.splitlines()]
    assert by_csv == answers, "--csv answers otherwise than --json-instances"
    out = list(csv.DictReader(io.StringIO(jobs.run("predict", export, "--csv", table, "--output", "csv").stdout)))
    assert [int(row["class"]) for row in out] == [a["class"] for a in answers]
    lines = instances.read_text().splitlines()
    lines.insert(1, '{"nonsense": 1}')
    done = jobs.run("predict", export, "--json-instances", "-", input="\n".join(lines) + "\n", expect=2)
    mixed = [json.loads(line) for line in done.stdout.splitlines()]
    assert "nonsense" in mixed[1]["error"] and mixed[:1] + mixed[2:] == answers
    return answers


def main():
    with jobs.Folder() as folder:
        # numbers only
        job = folder / "cancer"
        done = jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", job, "--set", "trainer.epochs=10")
        assert "roc_auc" in done.stdout and "Exported" in done.stdout, done.stdout
        rows = rows_of(jobs.SOURCE / "datasets" / "cancer.csv")[:70]
        compare("cancer", job, job / "export" / "cancer", rows)

        # the checkpoint, by Python's safetensors, under the module's names: the same network again, by hand
        manifest = json.loads((job / "export" / "cancer" / "1" / "manifest.json").read_text())
        weights = load_file(Path(jobs.SOURCE / manifest["provenance"]["checkpoint"]) / "model.safetensors")
        assert set(weights) == {f"{layer}.{kind}" for layer in ("hidden0", "hidden1", "output") for kind in ("weight", "bias")}
        columns = manifest["preprocessing"]["numeric"]
        x = torch.tensor([[(float(row[c["name"]]) - c["shift"]) * c["scale"] for c in columns] for row in rows])
        for layer in ("hidden0", "hidden1"):
            x = torch.relu(x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"])
        by_hand = torch.sigmoid(x @ weights["output.weight"].T + weights["output.bias"])[:, 0].numpy()
        answers = jobs.run("predict", job / "export" / "cancer", "--csv", folder / "cancer-rows.csv").stdout.splitlines()
        difference = numpy.abs(by_hand - [json.loads(a)["probabilities"][1] for a in answers]).max()
        print(f"checkpoint by hand and predict differ by {difference:.1e}")
        assert difference <= 1e-5

        # words, missing values
        config = words_table(folder)
        job = folder / "words-job"
        jobs.run("train", config, "--ranks", 2, "--job-dir", job)
        rows = rows_of(folder / "words.csv")[:50]
        rows[3]["country"], rows[4]["country"] = "XX", ""  # never seen; missing
        compare("words", job, job / "export" / "words", rows)

        # a second version; the newest is answered by, each can be named
        jobs.run("train", config, "--ranks", 2, "--job-dir", job, "--overwrite", "--set", "seed=2")
        assert sorted(p.name for p in (job / "export" / "words").iterdir()) == [".last_version", "1", "2", "config.pbtxt", "labels.txt"]
        one = jobs.run("predict", job / "export" / "words" / "1", "--csv", folder / "words.csv").stdout
        two = jobs.run("predict", job / "export" / "words" / "2", "--csv", folder / "words.csv").stdout
        assert one != two and two == jobs.run("predict", job / "export" / "words", "--csv", folder / "words.csv").stdout

        # wrong use
        done = jobs.run("predict", folder / "nothing", "--csv", folder / "words.csv", expect=None)
        assert done.returncode != 0 and "nothing" in done.stderr, done.stderr
        done = jobs.run("predict", job / "export" / "words", "--csv", folder / "no.csv", expect=None)
        assert done.returncode != 0 and "no.csv" in done.stderr, done.stderr


main()
