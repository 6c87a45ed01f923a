"""`ringtrain report`: the figures on the page are scikit-learn's on the same predictions; every kind of run has a page; text of the data is harmless; several runs
lie on one page; what is no run is refused. And the event files, read by TensorBoard. The page in a browser: report_page.py."""

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import numpy
from sklearn import metrics
from sklearn.calibration import calibration_curve
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from report_runs import MARK, SHOP, train_shops, write_prices  # noqa: E402


def page(job):
    return (job / "report.html").read_text() if job.is_dir() else job.read_text()


def shown(text):
    """What stands on the page as JSON, of the first run."""
    (found,) = re.findall(r'<script type="application/json" id="report-data">(.*?)</script>', text, re.S)
    return json.loads(found)["runs"]


def answers(job, model, data, scores):
    """The exported model's answers to the rows of the test part, by `predict`, and their truths."""
    with (job / "predictions.csv").open() as file:
        rows = [row for row in csv.DictReader(file)]
    lines = jobs.run("predict", job / "export" / model, "--csv", data).stdout.splitlines()
    asked = [json.loads(lines[int(row["row"])]) for row in rows]
    truth = numpy.array([float(row["target"]) for row in rows])
    return truth, numpy.array([one[scores] for one in asked], dtype=numpy.float32).astype(float)


def near(a, b, what, tolerance=1e-6):
    assert abs(a - b) <= tolerance, (what, a, b)


def on_the_curve(points, exact_x, exact_y, what):
    exact = numpy.stack([exact_x, exact_y], 1)
    for point in points:
        assert numpy.abs(exact - numpy.array(point, float)).max(1).min() < 1e-9, (what, point)


def expected_error(truth, score):
    """By scikit-learn's curve, and the rows of each of its ranges."""
    seen, said = calibration_curve(truth, score, n_bins=10, strategy="uniform")
    rows = numpy.histogram(score, numpy.linspace(0, 1, 11))[0]
    return (numpy.abs(seen - said) * rows[rows > 0]).sum() / len(score)


def of_two_classes(job):
    truth, scores = answers(job, "cancer", jobs.SOURCE / "datasets/cancer.csv", "probabilities")
    (run,) = shown(page(job))
    part, (curve,) = run["findings"]["parts"]["test"], run["findings"]["parts"]["test"]["ranking"]
    assert run["findings"]["shown"] == "test" and part["rows"] == len(truth) == part["of_rows"]
    score = scores[:, 1]
    near(curve["roc_auc"], metrics.roc_auc_score(truth, score), "ROC AUC")
    near(curve["average_precision"], metrics.average_precision_score(truth, score), "average precision")
    false, true, _ = metrics.roc_curve(truth, score, drop_intermediate=False)
    on_the_curve(curve["roc"], false, true, "ROC")
    precision, recall, _ = metrics.precision_recall_curve(truth, score)
    on_the_curve(curve["precision_recall"], recall, precision, "precision and recall")
    near(part["calibration"]["brier"], metrics.brier_score_loss(truth, score), "Brier")
    near(part["calibration"]["ece"], expected_error(truth, score), "ECE")
    said = score >= curve["threshold"]["value"]
    assert part["confusion_matrix"] == metrics.confusion_matrix(truth, said).tolist(), part["confusion_matrix"]
    near(curve["threshold"]["precision"], metrics.precision_score(truth, said), "precision at the threshold")
    near(curve["threshold"]["recall"], metrics.recall_score(truth, said), "recall at the threshold")
    by_class = metrics.precision_recall_fscore_support(truth, said)
    for field, expected in zip(("precision", "recall", "f1", "rows"), by_class):
        for one, value in zip(part["classes"], expected):
            near(one[field], value, (field, one["name"]))
    losses = -numpy.log(numpy.where(truth == 1, score, scores[:, 0]))
    worst = run["findings"]["worst"]["rows"]
    assert len(worst) == 20
    near(worst[0]["loss"], losses.max(), "the largest loss", 1e-4)
    near(worst[19]["loss"], numpy.sort(losses)[-20], "the twentieth", 1e-4)
    rows = list(csv.reader((jobs.SOURCE / "datasets/cancer.csv").open()))
    first, columns = rows[worst[0]["row"]], run["findings"]["worst"]["columns"]
    assert first[rows[0].index("diagnosis")] == worst[0]["target"], (first, worst[0])
    for name, value in zip(columns, worst[0]["values"]):
        near(float(first[rows[0].index(name)]), float(value), name, 1e-3 * abs(float(value)) + 1e-9)
    of_the_data(run["findings"]["data"], rows)
    spent = run["spent"]
    assert 0 < spent["whole"] < 60 and spent["computing"] >= 0
    near(sum(value for name, value in spent.items() if name != "whole"), spent["whole"], "the parts of the time", 1e-3 * spent["whole"])
    print("two classes: scikit-learn's figures")


def of_the_data(data, rows):
    assert sum(data["rows"]) == len(rows) - 1 == 569
    for one in data["numeric"]:
        values = [float(row[rows[0].index(one["name"])]) for row in rows[1:]]
        near(min(one["low"]), min(values), one["name"], 1e-6 * abs(min(values)) + 1e-9)
        near(max(one["high"]), max(values), one["name"], 1e-6 * max(values))
        near(sum(m * n for m, n in zip(one["mean"], data["rows"])) / 569, numpy.mean(values), one["name"], 1e-5 * abs(numpy.mean(values)))
    for one in data["target"]["classes"]:
        assert sum(one["rows"]) == sum(row[rows[0].index("diagnosis")] == one["name"] for row in rows[1:])


def of_several_classes(folder):
    job = folder / "shops"
    truth, scores = answers(job, "shops", folder / "shops.csv", "probabilities")
    text = page(job)
    found = shown(text)[0]["findings"]
    part = found["parts"]["test"]
    for k, curve in enumerate(part["ranking"]):
        near(curve["roc_auc"], metrics.roc_auc_score(truth == k, scores[:, k]), curve["name"])
        near(curve["average_precision"], metrics.average_precision_score(truth == k, scores[:, k]), curve["name"])
    likeliest = scores.argmax(1)
    near(part["calibration"]["ece"], expected_error(likeliest == truth, scores.max(1)), "ECE of the likeliest class")
    near(part["calibration"]["brier"], metrics.brier_score_loss(truth, scores, labels=[0, 1, 2], scale_by_half=False), "Brier of three classes")
    assert part["confusion_matrix"] == metrics.confusion_matrix(truth, likeliest).tolist()
    # The word decides together with the amount; `noise` says nothing.
    rises = {one["column"]: one["rise"] for one in found["importance"]["columns"]}
    assert min(rises["amount"], rises[SHOP]) > 5 * abs(rises["noise"]), rises
    slices = {(one["column"], one["value"]): one for one in found["slices"]["slices"]}
    rows = list(csv.DictReader((folder / "shops.csv").open()))
    asked = [rows[int(row["row"])] for row in csv.DictReader((job / "predictions.csv").open())]
    chosen = numpy.array([row[SHOP] == "<b>&" for row in asked])
    one = slices[(SHOP, "<b>&")]
    assert one["rows"] == chosen.sum()
    near(one["right"], (likeliest == truth)[chosen].mean(), "a slice")
    near(one["loss"], -numpy.log(scores[numpy.arange(len(truth)), truth.astype(int)])[chosen].mean(), "a slice's loss", 1e-4)
    assert MARK not in text and "&lt;script&gt;" in text, "text of the data came into the page as it is"
    assert "http:" not in text.replace("http://www.w3.org/2000/svg", "") and "https:" not in text
    print("three classes with wicked names: scikit-learn's figures")


def of_numbers(folder):
    write_prices(folder / "prices.csv")
    job = folder / "prices"
    arguments = jobs.sets(name="prices", data__train_file=str(folder / "prices.csv"), data__target="price", data__split__stratify=False, data__missing__numeric="mean",
                          task__type="regression", trainer__checkpoint__metric="loss", trainer__epochs=4, trainer__save_predictions=True, trainer__tensorboard=True,
                          trainer__histograms_every_steps=1, trainer__optimizer={"type": "sgd", "lr": 0.003, "momentum": 0, "weight_decay": 0}, trainer__schedule__type="constant",
                          trainer__schedule__warmup_steps=0, trainer__clip_norm=0)
    jobs.run("train", "configs/cancer.yaml", "--job-dir", job, *arguments)
    truth, said = answers(job, "prices", folder / "prices.csv", "prediction")
    (found,) = shown(page(job))[0]["findings"]["parts"]["test"]["residuals"]
    near(found["mae"], metrics.mean_absolute_error(truth, said), "MAE", 1e-4)
    near(found["rmse"], metrics.root_mean_squared_error(truth, said), "RMSE", 1e-4)
    near(found["r2"], metrics.r2_score(truth, said), "R2", 1e-5)
    near(found["bias"], (said - truth).mean(), "bias", 1e-4)
    for value, expected in zip(found["quantiles"], numpy.quantile(said - truth, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])):
        near(value, expected, "quantiles", 1e-4)
    data = shown(page(job))[0]["findings"]["data"]
    (area,) = [one for one in data["numeric"] if one["name"] == "area"]
    assert sum(area["missing"]) == sum(row["area"] == "" for row in csv.DictReader((folder / "prices.csv").open())) > 0
    board(job)
    histograms(job)
    print("a regression: scikit-learn's figures")


def board(job):
    """The event files, as TensorBoard reads them."""
    events = EventAccumulator(str(job / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()
    assert "configuration" in tags["tensors"], tags
    (text,) = events.Tensors("configuration")
    assert b"    name: prices\n" in text.tensor_proto.string_val[0], text
    scalars = {(tag, event.step): event.value for tag in tags["scalars"] for event in events.Scalars(tag)}
    lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if line["event"] == "step"]
    assert len(steps) > 2
    for line in steps:
        near(scalars[("train/loss", line["step"])], line["loss"], "loss", 1e-6 * abs(line["loss"]))
    for line in [line for line in lines if line["event"] == "evaluation"]:
        near(scalars[(f"{line['part']}/mae", line["step"])], line["mae"], "mae", 1e-6 * abs(line["mae"]))


def histograms(job):
    """Of weights as checkpoints have them, and of gradients as plain SGD applies them."""
    events = EventAccumulator(str(job / "tensorboard"), size_guidance={"histograms": 0})
    events.Reload()
    step = int((job / "checkpoints/latest").read_text().strip().split("-")[1])
    weights = jobs.weights(job, step)
    for name, tensor in weights.items():
        by_step = {event.step: event.histogram_value for event in events.Histograms(f"weights/{name}")}
        found = by_step[step]
        assert (found.num, found.min, found.max) == (tensor.size, tensor.min(), tensor.max()), (name, found)
        near(found.sum, tensor.astype(float).sum(), name, 1e-4)
        near(found.sum_squares, (tensor.astype(float) ** 2).sum(), name, 1e-4)
        if found.min < found.max:
            limits = numpy.array(found.bucket_limit)
            counts, _ = numpy.histogram(tensor.astype(float), numpy.concatenate([[found.min], limits]))
            assert numpy.abs(numpy.cumsum(counts) - numpy.cumsum(found.bucket)).max() <= 1, (name, counts, found.bucket)
        gradient = {event.step: event.histogram_value for event in events.Histograms(f"gradients/{name}")}
        for at in range(2, step + 1):
            near(by_step[at].sum - by_step[at - 1].sum, -0.003 * gradient[at].sum, (name, at), 1e-5 * tensor.size)


def of_tokens(folder):
    jobs.write_tokens(folder / "tokens.bin")
    job = folder / "tokens"
    jobs.run("train", "configs/gpt_chars.yaml", "--job-dir", job, "--train-file", folder / "tokens.bin",
             *jobs.sets(model__layers=1, model__heads=2, model__width=16, model__context=12, model__vocabulary=20, trainer__epochs=1, trainer__max_steps=20, trainer__log_every_steps=5))
    text = page(job)
    (run,) = shown(text)
    assert "language model" in run["findings"]["problem"] and 'id="curves"' in text and "perplexity" in text, run
    assert "Not shown" in text and 'id="ranking"' not in text
    print("a language model: curves, and why there is no more")


def of_runs_without_an_end(folder):
    """Killed, not evaluated, losses that are no numbers, of another version; no run at all."""
    whole = folder / "cancer"
    killed = folder / "killed"
    shutil.copytree(whole, killed, ignore=shutil.ignore_patterns("export", "report.*"))
    lines = (whole / "log.jsonl").read_text().splitlines()
    (killed / "log.jsonl").write_text("\n".join(lines[:6]) + '\n{"event":"step","step":9')
    done = jobs.run("report", killed)
    assert done.stdout.strip() == str(killed / "report.html")
    text = page(killed)
    assert "failed, or killed" in text and "the run has exported no model" in text and "1 line of log.jsonl is torn" in text
    (killed / "log.jsonl").write_text("")
    jobs.run("report", killed)
    assert "Nothing has been evaluated yet" in page(killed) and "The log has no steps yet" in page(killed)
    (killed / "log.jsonl").write_text('{"event":"step","step":1,"loss":null,"samples_per_second":1}\n{"event":"step","step":2,"loss":0.5,"samples_per_second":1}\n')
    jobs.run("report", killed)
    assert "is no number, the first at step 1" in page(killed) and not re.search(r'="[^"]*(nan|inf)[^"]*"', page(killed))
    # 100,000 steps: thinned, but the one value that stands out is there.
    with (killed / "log.jsonl").open("w") as file:
        for step in range(1, 100_001):
            file.write('{"event":"step","step":%d,"loss":%g,"samples_per_second":5}\n' % (step, 777 if step == 54_321 else 0.5))
    jobs.run("report", killed)
    assert len(page(killed)) < 400_000, len(page(killed))
    assert max(float(high) for high in re.findall(r'data-y="[^,]+,([^,]+),', page(killed))) >= 777
    refused = jobs.run("report", folder, folder / "none", "--output", folder / "bad.html", expect=2)
    assert f"{folder} is no job folder" in refused.stderr and f"{folder / 'none'}: there is no such folder" in refused.stderr, refused.stderr
    assert not (folder / "bad.html").exists()
    (killed / "config.yaml").write_text("name: x\nsomething: new\n")
    jobs.run("report", killed)
    print("runs without an end, and what is no run")


def of_runs_whose_data_are_gone(folder):
    """The kept figures, as long as they are of this model."""
    job = folder / "shops"
    before = shown(page(job))[0]["findings"]
    (folder / "shops.csv").rename(folder / "away.csv")
    jobs.run("report", job)
    assert shown(page(job))[0]["findings"] == before
    (job / "report.json").unlink()
    jobs.run("report", job)
    text = page(job)
    assert "shops.csv" in shown(text)[0]["findings"]["problem"] and 'id="curves"' in text, shown(text)[0]["findings"]
    (folder / "away.csv").rename(folder / "shops.csv")
    jobs.run("report", job)
    assert shown(page(job))[0]["findings"] == before
    print("the data are gone: what was kept, or why not")


def of_several_runs(folder):
    other = folder / "other"
    done = jobs.run("train", "configs/cancer.yaml", "--job-dir", other, *jobs.sets(trainer__epochs=3, trainer__report=False))
    assert not (other / "report.html").exists() and f"ringtrain report {other}" in done.stdout, done.stdout
    jobs.run("report", folder / "cancer", f"{other}/", "--output", folder / "both.html")
    text = page(folder / "both.html")
    first, second = shown(text)
    assert (first["name"], second["name"]) == (str(folder / "cancer"), str(other))
    differing = text[text.index('id="differences"'):text.index('id="curves"')]
    assert "trainer.epochs" in differing and "trainer.report" in differing and "trainer.precision" not in differing
    loss = text[text.index("Training loss"):text.index("Validation loss")]
    assert loss.count('class="line') == 2
    print("two runs on one page")


def main():
    with jobs.Folder() as folder:
        done = jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", folder / "cancer", *jobs.sets(trainer__epochs=12, trainer__save_predictions=True))
        assert done.stdout.rstrip().splitlines()[-1].startswith("  ringtrain serve ") and f"Report        {folder}/cancer/report.html" in done.stdout, done.stdout
        of_two_classes(folder / "cancer")
        train_shops(folder)
        of_several_classes(folder)
        of_numbers(folder)
        of_tokens(folder)
        of_runs_whose_data_are_gone(folder)
        of_several_runs(folder)
        of_runs_without_an_end(folder)


main()
