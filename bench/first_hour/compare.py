"""The first hour with data of one's own: `ringtrain train DATA --target COLUMN` at the first try, and scikit-learn's models on the same rows.

    python3 bench/first_hour/compare.py [--seeds 3] [--sets iris,wine] [--set KEY=VALUE ...] > table.md

Python with the packages of tools/python-datasets.txt; RINGTRAIN names the command (build/release/bin/ringtrain). Each seed divides the rows anew.
scikit-learn learns from our training and validation rows, with the columns that `init` chose (numbers scaled, words one-hot, dates as year, month and
weekday, gaps filled by the mean), and answers our test rows. The interval is the middle 95% of 1,000 resamples of the test rows of all seeds."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy
import pandas
import yaml
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import datasets

RINGTRAIN = os.environ.get("RINGTRAIN", str(Path(__file__).parents[2] / "build/release/bin/ringtrain"))


def train(data, target, job, seed, overrides):
    words = [RINGTRAIN, "train", str(data), "--target", target, "--no-export", "--job-dir", str(job), "--set", f"seed={seed}", "--set",
             "trainer.save_predictions=true"]
    for override in overrides:
        words += ["--set", override]
    begin = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}")
    return time.monotonic() - begin


def features(frame, config):
    """The columns that ringtrain learned from, by kind."""
    chosen = config["data"]["features"]
    lists = {kind: chosen.get(kind) or [] for kind in ("categorical", "date", "ignore")}
    frame = frame.drop(columns=[config["data"]["target"], *(name for name in lists["ignore"] if name in frame)])
    for name in lists["date"]:
        day = pandas.to_datetime(frame.pop(name))
        frame[f"{name}.days"], frame[f"{name}.year"] = (day - pandas.Timestamp(0)).dt.days, day.dt.year
        frame[f"{name}.month"], frame[f"{name}.weekday"] = day.dt.month, day.dt.weekday
    words = lists["categorical"]
    frame[words] = frame[words].astype(object).where(frame[words].notna(), "missing").astype(str)
    return frame, [name for name in frame if name not in words], words


def peers(task, numbers, words, seed):
    kinds = {"regression": (LinearRegression(), MLPRegressor(max_iter=1000, random_state=seed), HistGradientBoostingRegressor(random_state=seed))}
    linear, mlp, boosting = kinds.get(task, (LogisticRegression(max_iter=2000), MLPClassifier(max_iter=1000, random_state=seed),
                                             HistGradientBoostingClassifier(random_state=seed)))
    for name, model in (("linear", linear), ("mlp", mlp), ("boosting", boosting)):
        yield name, make_pipeline(ColumnTransformer([("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
                                                     ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words)]), model)


def answers_of(name, data, target, seed, folder, overrides):
    """What each model answered for the test rows of one division: the truth, and answers by model; and the seconds of ours."""
    job = folder / f"{name}-{seed}"
    seconds = train(data, target, job, seed, overrides)
    config = yaml.safe_load((job / f"{data.stem}.yaml").read_text())
    # Python's default for missing texts would take the word None of a column for a gap: as ringtrain reads it.
    frame = pandas.read_csv(data, keep_default_na=False, na_values=["", "NA", "NaN", "null"], index_col=index_column(data))
    ours = pandas.read_csv(job / "predictions.csv")
    test = ours["row"].to_numpy()
    learned = numpy.setdiff1d(numpy.flatnonzero(frame[target].notna()), test)
    x, numbers, words = features(frame, config)
    regression = config["task"]["type"] == "regression"
    y = frame[target].astype(float) if regression else frame[target].astype("category").cat.codes
    scores = ours.filter(like="score").to_numpy()
    answers = {"ours": scores[:, 0] if regression else scores.argmax(1)}
    assert numpy.allclose(ours["target"], y.iloc[test]), f"{name}: other rows"
    for peer, model in peers(config["task"]["type"], numbers, words, seed):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scale = y.iloc[learned].std() if regression and peer == "mlp" else 1  # as ringtrain does
            shift = y.iloc[learned].mean() if regression and peer == "mlp" else 0
            model.fit(x.iloc[learned], (y.iloc[learned] - shift) / scale if regression else y.iloc[learned])
            answers[peer] = model.predict(x.iloc[test]) * scale + shift if regression else model.predict(x.iloc[test])
    return config, y.iloc[test].to_numpy(), answers, seconds


def index_column(data):
    with open(data) as file:
        return 0 if file.readline().startswith(('"",', ",")) else None


def measure(truth, answers, regression):
    """Accuracy, or R²."""
    if not regression:
        return float((truth == answers).mean())
    return float(1 - ((truth - answers) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def compare(name, data, target, seeds, folder, overrides):
    runs = [answers_of(name, data, target, seed, folder, overrides) for seed in range(1, seeds + 1)]
    regression = runs[0][0]["task"]["type"] == "regression"
    result = {"set": name, "metric": "R²" if regression else "accuracy", "seconds": float(numpy.mean([run[3] for run in runs])),
              "tests": sum(len(run[1]) for run in runs)}
    for model in runs[0][2]:
        result[model] = float(numpy.mean([measure(truth, answers[model], regression) for _, truth, answers, _ in runs]))
    generator = numpy.random.default_rng(1)
    for peer in ("linear", "mlp", "boosting"):
        drawn = []
        for _ in range(1000):
            differences = []
            for _, truth, answers, _ in runs:
                rows = generator.integers(0, len(truth), len(truth))
                differences.append(measure(truth[rows], answers["ours"][rows], regression) - measure(truth[rows], answers[peer][rows], regression))
            drawn.append(numpy.mean(differences))
        result[f"over_{peer}"] = [float(one) for one in numpy.percentile(drawn, [2.5, 97.5])]
    return result


def line(result):
    low, high = result["over_mlp"]
    return (f"| {result['set']} | {result['metric']} | **{result['ours']:.3f}** | {result['linear']:.3f} | {result['mlp']:.3f} | {result['boosting']:.3f} "
            f"| {result['ours'] - result['mlp']:+.3f} ({low:+.3f} to {high:+.3f}) | {result['seconds']:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", default=",".join(datasets.SETS))
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    parser.add_argument("--data", type=Path, help="a folder that datasets.py has filled")
    parser.add_argument("--json", type=Path, help="the results go there too")
    arguments = parser.parse_args()
    print("| data set | measure | ringtrain | linear | MLP | boosting | ringtrain - MLP (95%) | seconds |\n|---|---|---|---|---|---|---|---|")
    results = []
    with tempfile.TemporaryDirectory(prefix="first-hour-") as path:
        folder = Path(path)
        data = arguments.data or folder / "data"
        if not arguments.data:
            datasets.write(data)
        for name in arguments.sets.split(","):
            results.append(compare(name, data / f"{name}.csv", datasets.SETS[name][0], arguments.seeds, folder, arguments.overrides))
            print(line(results[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
