"""What a configuration asks of a model (`tests:`), and task.calibrate: found again by numpy and scipy from the exported models' own answers."""

import csv
import json
import random
import sys
from pathlib import Path

import numpy
import scipy.optimize

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

CONFIG = """name: cards
data:
  train_file: {train}
  validation_file: {validation}
  test_file: {test}
  target: kind
  features: {{categorical: [city, colour]}}
model: {{type: mlp, hidden: [8]}}
task: {{type: binary_classification, positive: fraud}}
trainer: {{epochs: 6, global_batch_size: 32, report: {report}, optimizer: {{type: adam, lr: 0.02}}}}
"""
TESTS = """tests:
  - {{name: in Oslo, slice: {{city: [Oslo], amount: ">= 10"}}, metric: recall, at_least: {recall}}}
  - {{name: colour, invariant: {{change: {{colour: [red, green, blue]}}}}, tolerance: {tolerance}}}
  - {{name: city, invariant: {{change: {{city: ["*", Rome]}}}}, tolerance: 0.001, share: {share}}}
  - {{name: more money, direction: {{raise: amount, by: 10%}}, probability: not_lower, tolerance: 0.01}}
  - {{name: thieves, rows: {rows}, expect: {expect}, share: 0.9}}
  - {{name: nobody, slice: {{city: Oslo, amount: "> 1e6"}}, metric: recall, at_least: 0.5}}
"""


def rows(seed, count, usual=55):
    """A fraud is a large amount, more so in Oslo; the colour says nothing."""
    generator = random.Random(seed)
    for _ in range(count):
        amount, city = round(generator.uniform(0, 100), 2), generator.choice(["Oslo", "Rome", "Bonn"])
        score = (amount - usual) / 12 + (1.2 if city == "Oslo" else 0) + generator.gauss(0, 1)
        yield {"amount": amount, "city": city, "colour": generator.choice(["red", "green", "blue"]), "kind": "fraud" if score > 0 else "good"}


def write(file, lines):
    lines = list(lines)
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, lines[0].keys())
        writer.writeheader()
        writer.writerows(lines)
    return file


def probabilities(model, file):
    """Of the positive class, of each row."""
    lines = jobs.run("predict", model, "--input", file).stdout.splitlines()
    return numpy.array([json.loads(line)["probabilities"][1] for line in lines])


def results(manifest):
    return {one["name"]: one for one in json.loads(manifest.read_text())["tests"]["results"]}


def tests_are_run(folder, config):
    """At the export, by evaluate, and before retrain promotes."""
    job = folder / "job"
    asked = TESTS.format(recall=0.8, tolerance=0.5, share=0.0, rows=write(folder / "thieves.csv", (
        {"amount": 95 + i / 10, "city": "Oslo", "colour": "red"} for i in range(20))), expect="fraud")
    config.write_text(config.read_text() + asked)
    out = jobs.run("train", config, "--job-dir", job).stdout
    assert "\nTests\n  passed   in Oslo" in out, out
    version = job / "export/cards/1"
    found = results(version / "manifest.json")
    assert [one["state"] for one in found.values()] == ["passed"] * 5 + ["not run"], found

    # The recall on the slice, and the largest change by the city, by hand.
    with (folder / "test.csv").open() as file:
        lines = list(csv.DictReader(file))
    p = probabilities(version, folder / "test.csv")
    threshold = json.loads((version / "manifest.json").read_text())["threshold"]
    inside = numpy.array([line["city"] == "Oslo" and float(line["amount"]) >= 10 for line in lines])
    fraud = numpy.array([line["kind"] == "fraud" for line in lines])
    recall = ((p >= threshold) & fraud & inside).sum() / (fraud & inside).sum()
    assert found["in Oslo"]["rows"] == inside.sum() and found["in Oslo"]["found"] == f"recall {recall:.4f} of {inside.sum()} rows", found
    others = [line for line in lines if line["city"] != "Rome"]
    moved = numpy.abs(probabilities(version, write(folder / "others.csv", others)) -
                      probabilities(version, write(folder / "rome.csv", ({**line, "city": "Rome"} for line in others))))
    assert found["city"]["rows"] == len(others)
    assert found["city"]["found"] == f"{(moved > 0.001).sum()} of {len(others)} changed rows are off; the most is {moved.max():.4g}", (found["city"], moved.max())
    assert found["colour"]["rows"] == 2 * len(lines)

    # On another machine the file of rows is not there: what can be run is.
    (folder / "thieves.csv").rename(folder / "elsewhere.csv")
    away = json.loads(jobs.run("evaluate", version, folder / "validation.csv", "--json", "--bootstrap", 2).stdout)["tests"]
    assert [one["state"] for one in away] == ["passed"] * 4 + ["not run"] * 2 and "thieves.csv" in away[4]["found"], away
    jobs.run("evaluate", version, folder / "validation.csv", "--tests", config, expect=2)
    (folder / "elsewhere.csv").rename(folder / "thieves.csv")

    # evaluate runs them on other rows, and ends with 8 where one fails.
    assert "Tests\n  passed   in Oslo" in jobs.run("evaluate", version, folder / "validation.csv").stdout
    harder = folder / "harder.yaml"
    harder.write_text(config.read_text().replace(asked, TESTS.format(
        recall=0.9999, tolerance=1e-7, share=1.0, rows=folder / "thieves.csv", expect="good")))
    failing = jobs.run("evaluate", version, folder / "validation.csv", "--tests", harder, "--json", "--bootstrap", 20, expect=8)
    states = {one["name"]: one["state"] for one in json.loads(failing.stdout)["tests"]}
    assert states == {"in Oslo": "failed", "colour": "failed", "city": "failed", "more money": states["more money"], "thieves": "failed", "nobody": "not run"}, states
    text = jobs.run("evaluate", version, folder / "validation.csv", "--tests", harder, "--bootstrap", 20, expect=8).stdout
    assert "FAILED   thieves" in text and "row 1 of " in text and "'fraud'" in text, text
    jobs.run("evaluate", version, folder / "validation.csv", "--tests", harder, "--no-tests", "--bootstrap", 20)

    # retrain on other times: a version that is better, and fails one, is not promoted.
    again = folder / "again"
    refused = jobs.run("retrain", harder, "--from", version, "--job-dir", again, "--train-file", write(folder / "more.csv", rows("more", 2000, 30)),
                       "--set", "data.test_file=", "--set", "data.validation_file=", "--margin", "0", expect=8)
    report = json.loads((again / "retrain_report.json").read_text())
    assert {one["state"] for one in report["tests"]} == {"failed", "passed", "not run"}, report
    assert report["better_by"] > 0 and "it is better, but fails the tests" in report["why"], report
    assert "Tests of the new version" in refused.stdout

    # The report shows them.
    page = (job / "report.html").read_text()
    assert 'id="tests"' in page and ">in Oslo<" in page and "not run" in page


def mistakes_are_told_before_training(folder, config):
    config.write_text(config.read_text() + """tests:
  - {name: a, slice: {citty: Oslo}, metric: recal, at_least: 0.5}
  - {name: b, slice: {city: Olso}, metric: recall, at_least: 0.5}
  - {name: c, invariant: {change: {amount: [1, x]}}}
  - {name: g, invariant: {change: {amount: ["*", ""]}}}
  - {name: d, direction: {raise: colour, by: 1}, probability: not_lower}
  - {name: e, rows: nowhere.csv, expect: thief}
  - {name: h, rows: nowhere.csv, expect: fraud}
  - {name: i, rows: WITHOUT, expect: fraud}
  - {name: f, direction: {raise: amount, by: 1}, probability: not_lower, class: thief}
""".replace("WITHOUT", str(write(folder / "without.csv", [{"amount": 1, "city": "Oslo"}]))))
    done = jobs.run("train", config, "--job-dir", folder / "none", expect=2)
    for text in ("'a': metric: recal is none of the task binary_classification", "Did you mean 'recall'?", "'citty' is no column of the model. Did you mean 'city'?",
                 "'b': slice: column 'city': training did not see 'Olso'. Did you mean 'Oslo'?", "'c': invariant.change: column 'amount': 'x' is no number",
                 "'d': the column 'colour' holds words",
                 "'g': invariant.change: column 'amount': the model was trained without missing values", "'e': 'thief' is none of the model's classes: good, fraud", "'f': 'thief' is none", "'h': rows: nowhere.csv is not there", "'i': ", "colour"):
        assert text in done.stderr, (text, done.stderr)
    assert not (folder / "none/checkpoints/latest").exists()


def calibration_is_scipys(folder, config):
    """The temperature is the one that scipy finds on the plain model's answers; the exported answers are divided by it, on 1 and 2 ranks."""
    common = ["train", config, "--set", "trainer.epochs=25", "--set", "model.hidden=[32, 32]", "--set", "trainer.report=false", "--set", "export.from=last"]
    jobs.run(*common, "--job-dir", folder / "plain")
    jobs.run(*common, "--job-dir", folder / "calibrated", "--set", "task.calibrate=temperature", "--ranks", "1")
    jobs.run(*common, "--job-dir", folder / "of two", "--set", "task.calibrate=temperature", "--ranks", "2")
    plain, calibrated = folder / "plain/export/cards/1", folder / "calibrated/export/cards/1"
    heads = [json.loads((model / "manifest.json").read_text())["head"] for model in (calibrated, folder / "of two/export/cards/1")]
    temperature = 1 / heads[0]["operations"][0]["scale"][0]
    assert abs(1 / heads[1]["operations"][0]["scale"][0] - temperature) < 1e-4 * temperature, heads

    def logits(model, file):
        p = numpy.clip(probabilities(model, file), 1e-7, 1 - 1e-7)
        return numpy.log(p) - numpy.log1p(-p)

    with (folder / "validation.csv").open() as file:
        fraud = numpy.array([line["kind"] == "fraud" for line in csv.DictReader(file)])
    outputs = logits(plain, folder / "validation.csv")

    def loss(t):
        return numpy.logaddexp(0, numpy.where(fraud, -1, 1) * outputs / t).mean()

    best = scipy.optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}).x
    assert temperature > 1.2, temperature  # it was too sure
    assert abs(temperature - best) < 2e-3 * best, (temperature, best)
    before = logits(plain, folder / "test.csv")
    moved = numpy.abs(logits(calibrated, folder / "test.csv") - before / temperature)[numpy.abs(before) < 5]  # float32 loses digits near 1
    assert len(moved) > 50 and moved.max() < 2e-4, moved
    events = [json.loads(line).get("text", "") for line in (folder / "calibrated/log.jsonl").read_text().splitlines()]
    assert any("calibrated on the validation part: temperature" in text for text in events), events[-5:]
    measured = {model: json.loads(jobs.run("evaluate", model, folder / "validation.csv", "--json", "--bootstrap", 2).stdout)["metrics"] for model in (plain, calibrated)}
    assert measured[calibrated]["loss"]["value"] < measured[plain]["loss"]["value"]
    assert abs(measured[calibrated]["roc_auc"]["value"] - measured[plain]["roc_auc"]["value"]) < 1e-6
    refused = jobs.run("train", config, "--set", "task.calibrate=temperature", "--set", "data.validation_file=", "--set", "data.split={train: 0.8, validation: 0, test: 0.2}", "--set", "data.test_file=",
                       "--job-dir", folder / "none", expect=2)
    assert "task.calibrate: temperature is fitted on the validation part, which has no rows" in refused.stderr


with jobs.Folder() as folder:
    for name, count in (("train", 600), ("validation", 300), ("test", 300)):
        write(folder / f"{name}.csv", rows(name, count))
    for number, part in enumerate((tests_are_run, mistakes_are_told_before_training, calibration_is_scipys)):
        config = folder / f"{number}.yaml"
        config.write_text(CONFIG.format(train=folder / "train.csv", validation=folder / "validation.csv", test=folder / "test.csv", report=str(number == 0).lower()))
        part(folder, config)
