"""The metrics of a run on 1, 2 and 3 ranks are those that scikit-learn computes from the same predictions, to 1e-6; and training does not
see the validation and test parts: changing them changes neither normalisation nor weights."""

import csv
import json
import sys
from pathlib import Path

import numpy
from sklearn import metrics

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402


def of(job):
    lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    return next(line for line in lines if line["event"] == "evaluation" and line["part"] == "test")


def predictions(job):
    table = numpy.genfromtxt(job / "predictions.csv", delimiter=",", names=True)
    return table["target"], numpy.stack([table[name] for name in table.dtype.names[2:]], axis=1), table["row"].astype(int)


def compare(name, ours, theirs):
    for metric, value in theirs.items():
        assert abs(ours[metric] - value) <= 1e-6, f"{name}: {metric} {ours[metric]} is not scikit-learn's {value}"
    print(f"{name}: {len(theirs)} metrics agree with scikit-learn")


def classification(target, chosen, scores, average):
    options = dict(average=average, zero_division=0)
    binary = average == "binary"
    one_hot = target if binary else numpy.eye(scores.shape[1])[target.astype(int)]
    return {"accuracy": metrics.accuracy_score(target, chosen),
            "precision": metrics.precision_score(target, chosen, **options),
            "recall": metrics.recall_score(target, chosen, **options),
            "f1": metrics.f1_score(target, chosen, **options),
            "roc_auc": metrics.roc_auc_score(target, scores[:, 1] if binary else scores, **({} if binary else {"multi_class": "ovr"})),
            "pr_auc": metrics.average_precision_score(one_hot, scores[:, 1] if binary else scores, average="macro"),
            "loss": metrics.log_loss(target, scores)}


def main():
    with jobs.Folder() as folder:
        common = ["--no-export", "--set", "trainer.save_predictions=true"]
        for ranks in (1, 2, 3):
            job = folder / f"binary-{ranks}"
            done = jobs.run("train", "configs/cancer.yaml", "--ranks", ranks, "--job-dir", job, *common, "--set", "trainer.epochs=4",
                            "--set", "trainer.precision=float64")
            threshold = float(done.stdout.split("threshold ")[1].split(":")[0])
            target, scores, rows = predictions(job)
            assert len(set(rows)) == len(rows) and list(rows) == sorted(rows), "a row is missing, or twice"
            compare(f"binary, {ranks} ranks", of(job), classification(target, scores[:, 1] >= threshold, scores, "binary"))

            job = folder / f"multi-{ranks}"
            jobs.write_pixels(folder / "pixels.csv")
            file = folder / "multi.yaml"
            file.write_text(f"data: {{train_file: {folder / 'pixels.csv'}, target: kind}}\nmodel: {{type: linear}}\n"
                            "task: {type: classification}\n")
            jobs.run("train", file, "--ranks", ranks, "--job-dir", job, *common, "--set", "trainer.epochs=2", "--set",
                     "trainer.precision=float64")
            target, scores, _ = predictions(job)
            compare(f"multi-class, {ranks} ranks", of(job), classification(target, scores.argmax(1), scores, "macro"))

            job = folder / f"regression-{ranks}"
            file.write_text("data: {train_file: datasets/cancer.csv, target: mean_area, features: {ignore: [diagnosis]}}\n"
                            "model: {type: linear}\ntask: {type: regression, loss: huber}\n")
            jobs.run("train", file, "--ranks", ranks, "--job-dir", job, *common, "--set", "trainer.precision=float64")
            target, scores, _ = predictions(job)
            compare(f"regression, {ranks} ranks", of(job),
                    {"mae": metrics.mean_absolute_error(target, scores[:, 0]),
                     "rmse": metrics.mean_squared_error(target, scores[:, 0]) ** 0.5, "r2": metrics.r2_score(target, scores[:, 0])})
        no_leak(folder)


def no_leak(folder):
    """Rows outside of the training part get absurd values."""
    job = folder / "clean"
    arguments = ["--no-export", "--set", "trainer.epochs=2", "--set", "export.from=last"]
    jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", job, *arguments, "--set", "trainer.save_predictions=true")
    test_rows = set(predictions(job)[2])
    lines = (jobs.SOURCE / "datasets" / "cancer.csv").read_text().splitlines()
    for row in test_rows:
        fields = lines[row + 1].split(",")
        lines[row + 1] = ",".join(["1e6"] * (len(fields) - 1) + fields[-1:])
    (folder / "absurd.csv").write_text("\n".join(lines) + "\n")
    other = folder / "absurd"
    jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", other, *arguments, "--train-file", folder / "absurd.csv")
    step = int((job / "checkpoints" / "latest").read_text().strip()[5:])
    for name in ("model.safetensors", "schema.json"):
        first, second = (one / "checkpoints" / f"step-{step}" / name for one in (job, other))
        assert first.read_bytes() == second.read_bytes(), f"the test part leaks into {name}"
    print("the test part does not reach training")


main()
