"""Data of one's own at the first try, as typed: init, train, both in one on two ranks, and what steps: auto decides, keeps and goes on with.
The expected quality is that of scikit-learn's logistic regression on the same rows, less a little."""

import csv
import re
import shutil
import sys
from pathlib import Path

import numpy
import sklearn.datasets
import sklearn.linear_model

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402


def write(file, header, rows):
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    return file


def iris(folder):
    found = sklearn.datasets.load_iris()
    rows = [[*values, found.target_names[kind]] for values, kind in zip(found.data.tolist(), found.target)]
    return write(folder / "iris flowers.csv", [*found.feature_names, "species"], rows)


def voyage(folder, rows=400):
    """Passengers: numbers and words with gaps, a name, a count of the rows, a column that says the target again, rows without target."""
    random = numpy.random.default_rng(2)
    lines = []
    for row in range(rows):
        sex, age, deck = random.choice(["man", "woman"]), random.integers(1, 80), random.choice(["first", "second", "third"])
        lives = random.random() < 1 / (1 + numpy.exp(-(2.5 * (sex == "woman") + 1.5 * (deck == "first") - 0.03 * age - 0.5)))
        lines.append([row + 1, f"passenger {row}", sex, "" if random.random() < 0.2 else age, "" if random.random() < 0.1 else deck,
                      "x", "alive" if lives else "dead", "yes" if lives else "no"])
    return write(folder / "voyage.csv", ["no", "name", "sex", "age", "deck", "ship", "status", "survived"], lines)


def prices(folder, rows=300):
    random = numpy.random.default_rng(3)
    lines = [[f"{size:.2f}", kind, f"{40 * size + 15 * (kind == 'new') + random.normal():.2f}"]
             for size, kind in zip(random.uniform(1, 9, rows), random.choice(["new", "old"], rows))]
    return write(folder / "prices.csv", ["size", "kind", "price"], lines)


def measured(output, metric):
    """Of the table that a run ends with."""
    return float(re.search(rf"^{metric} +([-0-9.]+)$", output[output.index("Test part"):], re.MULTILINE).group(1))


def two_commands(folder):
    data, output = iris(folder), folder / "flowers.yaml"
    said = jobs.run("init", data, "--target", "species", "--output", output).stdout
    assert re.search(r"^species +target +3 classes: 'setosa' \(50\)", said, re.MULTILINE), said
    assert f"ringtrain train {output}" in said, said
    again = jobs.run("init", data, "--target", "species", "--output", output, expect=2)
    assert "is there already" in again.stderr, again.stderr
    done = jobs.run("train", output, "--no-export", "--job-dir", folder / "iris", "--set", "trainer.save_predictions=true")
    assert "steps: auto: 3,000 steps" in done.stderr, done.stderr
    assert measured(done.stdout, "accuracy") >= like_logistic_regression(data, folder / "iris") - 0.05, done.stdout
    print("init and train: " + done.stdout[done.stdout.index("accuracy"):].splitlines()[0])


def like_logistic_regression(data, job):
    rows = list(csv.reader(data.open()))[1:]
    x, y = numpy.array([row[:-1] for row in rows], float), numpy.array([row[-1] for row in rows])
    test = [int(float(row["row"])) for row in csv.DictReader((job / "predictions.csv").open())]
    learned = numpy.setdiff1d(numpy.arange(len(rows)), test)
    mean, spread = x[learned].mean(0), x[learned].std(0)
    model = sklearn.linear_model.LogisticRegression().fit((x[learned] - mean) / spread, y[learned])
    return float((model.predict((x[test] - mean) / spread) == y[test]).mean())


def one_command(folder):
    job = folder / "voyage"
    done = jobs.run("train", voyage(folder), "--target", "survived", "--ranks", 2, "--no-export", "--job-dir", job, "--set", "trainer.auto_steps=600")
    for column, why in (("no", r"ignored +row numbers, 1 to 400"), ("name", r"ignored +400 different words"), ("ship", r"ignored +one value"),
                        ("status", r"ignored +says 'survived' again"), ("age", r"number +numbers.*missing"), ("deck", r"category +3 words.*missing")):
        assert re.search(rf"^{column} +{why}", done.stdout, re.MULTILINE), done.stdout
    assert "Note    'status': says 'survived' again" in done.stdout, done.stdout
    written = (job / "voyage.yaml").read_text()
    assert "numeric: mean" in written and "categorical: category" in written, written
    assert measured(done.stdout, "accuracy") > 0.65, done.stdout
    refused = jobs.run("train", folder / "voyage.csv", "--target", "survived", "--no-export", "--job-dir", job, expect=2)
    assert "holds a run already" in refused.stderr, refused.stderr
    assert "'survived'" in jobs.run("train", folder / "voyage.csv", expect=2).stderr
    assert "--target" in jobs.run("train", job / "voyage.yaml", "--target", "survived", expect=2).stderr
    assert "ringtrain init" in jobs.run("submit", folder / "voyage.csv", expect=2).stderr


def decided(job):
    return int(re.search(r"^  auto_steps: (\d+)$", (job / "config.yaml").read_text(), re.MULTILINE).group(1))


def steps_are_kept(folder):
    """A run with no time, its continuation from the middle with much time, and a run that is told the steps: the same bits."""
    first, second, third = folder / "first", folder / "second", folder / "third"
    yaml = folder / "prices.yaml"
    jobs.run("init", prices(folder), "--target", "price", "--output", yaml)
    short = ["--no-export", *jobs.sets(trainer__early_stopping__patience=100, trainer__checkpoint__keep=100)]
    jobs.run("train", yaml, "--job-dir", first, "--set", "trainer.auto_seconds=0.2", *short)
    steps = decided(first)
    assert 32 <= steps < 3000, steps
    shutil.copytree(first, second)
    middle = sorted(int(path.name[5:]) for path in (first / "checkpoints").glob("step-*"))
    middle = next(step for step in middle if step > 33 or step == steps)
    jobs.run("train", yaml, "--job-dir", second, "--checkpoint", middle, *short)
    jobs.run("train", yaml, "--job-dir", third, "--set", f"trainer.auto_steps={steps}", *short)
    assert decided(second) == decided(third) == steps
    last = jobs.weights(first, steps)
    for job in (second, third):
        there = jobs.weights(job, steps)
        assert all((last[name] == there[name]).all() for name in last), job
    print(f"steps: auto decided on {steps} steps, and went on after {middle} to the same weights")


def main():
    with jobs.Folder() as folder:
        two_commands(folder)
        one_command(folder)
        steps_are_kept(folder)


main()
