"""A regression learns a target of any unit with default settings; its losses are the same on 1, 2 and 3 ranks; losses, metrics, predictions
and exports are in the target's unit; without task.scale_target the network's output is the answer, as in runs before there was one."""

import json
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

ROWS, SHIFT, SCALE = 300, 250_000, 40_000


def write_data(file):
    """Prices of a quarter of a million, give or take forty thousand."""
    random = numpy.random.default_rng(7)
    x = random.normal(size=(ROWS, 2))
    y = SHIFT + SCALE * (0.8 * x[:, 0] - 0.6 * x[:, 1]) + 1000 * random.normal(size=ROWS)
    file.write_text("a,b,price\n" + "".join(f"{a:.6f},{b:.6f},{p:.2f}\n" for (a, b), p in zip(x, y)))


def config(folder):
    write_data(folder / "data.csv")
    file = folder / "config.yaml"
    file.write_text(f"""
name: price
data: {{train_file: {folder / 'data.csv'}, target: price}}
model: {{type: mlp, hidden: [16]}}
task: {{type: regression}}
trainer: {{epochs: 40, global_batch_size: 37, log_every_steps: 1, evaluate_every_steps: 80, precision: float64, save_predictions: true, optimizer: {{lr: 0.01}}}}
export: {{enabled: false}}
""")
    return file


def train(folder, file, name, ranks=1, *more, **settings):
    job = folder / name
    jobs.run("train", file, "--ranks", ranks, "--job-dir", job, *more, *jobs.sets(**settings))
    lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    test = next(line for line in lines if line["event"] == "evaluation" and line["part"] == "test")
    table = numpy.genfromtxt(job / "predictions.csv", delimiter=",", names=True)
    return job, test, table["target"], table["score0"], table["row"].astype(int)


def preprocessing_of(job):
    step = (job / "checkpoints" / "latest").read_text().strip()
    return json.loads((job / "checkpoints" / step / "schema.json").read_text())


def losses_in_unit(errors, scale):
    size = numpy.abs(errors)
    return {"mse": (errors ** 2).mean(), "l1": size.mean(),
            "huber": numpy.where(size < scale, errors ** 2 / 2, scale * (size - scale / 2)).mean()}


def main():
    with jobs.Folder() as folder:
        file = config(folder)
        first = None
        for ranks in (1, 2, 3):
            job, test, target, answer, _ = train(folder, file, f"ranks-{ranks}", ranks)
            losses = jobs.losses(job)
            first = first or losses
            difference = jobs.relative_difference(losses, first)
            print(f"{ranks} ranks: r2 {test['r2']:.4f}, losses differ by {difference:.1e}")
            assert difference <= 1e-9, difference
            assert test["r2"] > 0.99, test
            assert losses[0] > SCALE ** 2 / 10, "the loss of a step is in the target's unit"
        fitted = preprocessing_of(job)
        assert abs(fitted["target_shift"] - SHIFT) < SCALE and 0.5 * SCALE < fitted["target_scale"] < 2 * SCALE, fitted
        for loss in ("mse", "l1", "huber"):
            if loss != "mse":
                job, test, target, answer, _ = train(folder, file, loss, 1, task__loss=loss)
            errors = answer - target
            scale = preprocessing_of(job)["target_scale"]
            expected = losses_in_unit(errors, scale)[loss]
            assert abs(test["loss"] / expected - 1) < 1e-9, (loss, test["loss"], expected)
            assert abs(test["rmse"] / numpy.sqrt((errors ** 2).mean()) - 1) < 1e-9, test
            print(f"{loss}: test loss {test['loss']:.6g}, as numpy computes it from the predictions")
        exported(folder, file)
        unscaled(folder, file)


def exported(folder, file):
    """What is served gives the same prices, in the target's unit."""
    job, test, _, answer, rows = train(folder, file, "exported", 1, export__enabled=True, trainer__precision="float32", task__loss="huber")
    lines = (folder / "data.csv").read_text().splitlines()
    (folder / "rows.csv").write_text("\n".join(["a,b"] + [lines[row + 1].rsplit(",", 1)[0] for row in rows]) + "\n")
    test_rows = [lines[0]] + [lines[row + 1] for row in rows]
    (folder / "labelled.csv").write_text("\n".join(test_rows) + "\n")
    report = json.loads(jobs.run("evaluate", job / "export/price", folder / "labelled.csv", "--json", "--bootstrap", 2).stdout)["metrics"]
    assert abs(report["loss"]["value"] / test["loss"] - 1) < 1e-5 and abs(report["mae"]["value"] / test["mae"] - 1) < 1e-5, (report, test)
    jobs.run("predict", job / "export" / "price", "--input", folder / "rows.csv", "--output-file", folder / "answers.jsonl")
    served = [json.loads(line)["prediction"] for line in (folder / "answers.jsonl").read_text().splitlines()]
    difference = jobs.relative_difference(served, answer)
    print(f"exported: answers differ by {difference:.1e} from those of training")
    assert difference < 1e-6, difference


def unscaled(folder, file):
    """The network's output is the answer: with a learning rate for features of deviation 1 it stays near 0."""
    job, test, _, answer, _ = train(folder, file, "unscaled", 1, task__scale_target=False, trainer__epochs=2)
    fitted = preprocessing_of(job)
    assert fitted["target_shift"] == 0 and fitted["target_scale"] == 1, fitted
    assert numpy.abs(answer).max() < 100 and test["r2"] < 0, test
    print("unscaled: as before")


main()
