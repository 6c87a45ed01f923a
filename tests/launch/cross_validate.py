"""Folds of a table: each row tested once, metrics as scikit-learn computes them, a killed command that goes on, one message for a failing fold."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy
import pandas
from sklearn.datasets import load_diabetes
from sklearn.metrics import accuracy_score, mean_squared_error, r2_score, roc_auc_score
from sklearn.model_selection import TimeSeriesSplit

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import wait_for  # noqa: E402

CANCER = ["configs/cancer.yaml", *jobs.sets(trainer__epochs=3)]


def result_of(folder):
    return json.loads((folder / "cross_validation.json").read_text())


def answers_of(folder):
    return pandas.read_csv(folder / "out_of_fold.csv", keep_default_na=False)


def classes_as_scikit_learn(folder):
    done = jobs.run("cross-validate", *CANCER, "--folds", 5, "--repeats", 2, "--jobs", 2, "--job-dir", folder)
    assert "mean" in done.stdout and "fold 5 of 5 of repeat 2" in done.stdout, done.stdout
    result, answers = result_of(folder), answers_of(folder)
    truth = pandas.read_csv(jobs.SOURCE / "datasets/cancer.csv")["diagnosis"].astype(str)
    for repeat, of_repeat in answers.groupby("repeat"):
        assert of_repeat["row"].tolist() == list(range(len(truth))), f"repeat {repeat}"
        assert of_repeat["target"].astype(str).tolist() == truth.tolist()
        for _, counts in of_repeat.groupby("target")["fold"].value_counts().groupby("target"):
            assert counts.max() - counts.min() <= 1, counts
    assert (answers[answers.repeat == 1].fold.tolist() != answers[answers.repeat == 2].fold.tolist())
    positive = json.loads((folder / "repeat-1/fold-1/log.jsonl").read_text().splitlines()[-1])
    assert positive["event"] == "evaluation" and positive["part"] == "test", positive
    runs = {(run["repeat"], run["fold"]): run for run in result["runs"]}
    assert len(runs) == 10
    for key, rows in answers.groupby(["repeat", "fold"]):
        metrics, is_positive = runs[key]["metrics"], rows["target"].astype(str) == positive["positive_class"]
        assert abs(metrics["roc_auc"] - roc_auc_score(is_positive, rows["score1"])) < 1e-12
        assert abs(metrics["accuracy"] - accuracy_score(rows["target"].astype(str), rows["answer"].astype(str))) < 1e-12
        assert runs[key]["test_rows"] == len(rows)
    values = [run["metrics"]["roc_auc"] for run in runs.values()]
    summary = result["metrics"]["roc_auc"]
    ratio = sum(run["test_rows"] for run in runs.values()) / sum(run["train_rows"] for run in runs.values())
    half = 2.262157162798205 * numpy.std(values, ddof=1) * numpy.sqrt(1 / 10 + ratio)  # t of 9 degrees of freedom
    assert numpy.allclose([summary["mean"], summary["deviation"]], [numpy.mean(values), numpy.std(values, ddof=1)])
    assert numpy.allclose(summary["interval"], [summary["mean"] - half, summary["mean"] + half])
    return result


def killed_goes_on(folder, whole):
    """What is done is not run again, and the numbers are those of a command that nobody killed."""
    command = ["cross-validate", *CANCER, "--folds", "5", "--repeats", "2", "--jobs", "2", "--job-dir", str(folder)]
    process = subprocess.Popen([jobs.RINGTRAIN, *command], cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = folder / "journal.jsonl"
    wait_for(lambda: journal.exists() and len(journal.read_text().splitlines()) >= 4, "third fold")
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = [json.loads(line)["fold"] for line in journal.read_text().splitlines()[1:]]
    before = {name: (folder / name / "log.jsonl").stat().st_mtime_ns for name in done}
    again = jobs.run(*command)
    assert f"{len(done)} of 10 folds are done already" in again.stderr, again.stderr
    assert before == {name: (folder / name / "log.jsonl").stat().st_mtime_ns for name in done}
    assert result_of(folder)["metrics"] == whole["metrics"]
    # Another configuration is no continuation.
    other = jobs.run(*command, "--set", "seed=9", expect=2)
    assert "settings: seed: 3 there, 9 now" in other.stderr and "--overwrite" in other.stderr, other.stderr


def interrupted_stops_its_folds(folder):
    command = ["cross-validate", *CANCER, *jobs.sets(trainer__epochs=100000), "--folds", "3", "--jobs", "2", "--job-dir", str(folder)]
    process = subprocess.Popen([jobs.RINGTRAIN, *command], cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: (folder / "fold-1/checkpoints/latest").exists() and (folder / "fold-2/checkpoints/latest").exists(), "checkpoints")
    process.terminate()
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 75 and "the same command goes on from here" in said, said
    assert not list(folder.glob("fold-*/job.lock")), "a fold still runs"


def failing_fold(folder):
    done = jobs.run("cross-validate", *CANCER, "--folds", 3, "--job-dir", folder, *jobs.sets(trainer__optimizer__lr=1e30), expect=7)
    said = [line for line in done.stderr.splitlines() if line.startswith("ringtrain:")]
    assert len(said) == 1 and " of 3 failed, and ends all: " in said[0], done.stderr
    assert str(folder / "fold-") in done.stderr, done.stderr


def numbers_and_groups(folder):
    table = load_diabetes(as_frame=True).frame
    table["visit"] = numpy.arange(len(table)) * 7 % 90
    table.to_csv(folder / "diabetes.csv", index=False)
    config = folder / "diabetes.yaml"
    config.write_text(f"name: diabetes\ndata: {{train_file: {folder}/diabetes.csv, target: target, features: {{ignore: [visit]}}}}\n"
                      "task: {type: regression}\ntrainer: {epochs: 3, global_batch_size: 32}\n")
    jobs.run("cross-validate", config, "--folds", 3, "--job-dir", folder / "groups", *jobs.sets(data__split__group="visit"))
    answers = answers_of(folder / "groups")
    assert answers["row"].tolist() == list(range(len(table))) and numpy.allclose(answers["target"], table["target"])
    assert (table["visit"].to_frame().assign(fold=answers["fold"]).groupby("visit")["fold"].nunique() == 1).all()
    for run in result_of(folder / "groups")["runs"]:
        rows = answers[answers["fold"] == run["fold"]]
        assert abs(run["metrics"]["r2"] - r2_score(rows["target"], rows["answer"])) < 1e-9
        assert abs(run["metrics"]["rmse"] - mean_squared_error(rows["target"], rows["answer"]) ** 0.5) < 1e-9
    # By time: scikit-learn's expanding window, on the rows in the order of their times.
    table["when"] = pandas.date_range("2020-01-01", periods=len(table)).astype(str)[::-1]
    table.to_csv(folder / "diabetes.csv", index=False)
    jobs.run("cross-validate", config, "--folds", 3, "--job-dir", folder / "times",
             *jobs.sets(data__split__time="when", data__features__ignore=["visit", "when"]))
    answers, order = answers_of(folder / "times"), numpy.arange(len(table))[::-1]
    for fold, (_, test) in enumerate(TimeSeriesSplit(3).split(order), 1):
        assert sorted(order[test]) == answers[answers["fold"] == fold]["row"].tolist()
    # All that does not go together is told at once, before anything runs.
    wrong = jobs.run("cross-validate", config, "--folds", 3, "--repeats", 2, "--job-dir", folder / "wrong",
                     *jobs.sets(data__split__time="when", data__validation_file="x.csv"), expect=2)
    assert "folds by time are the same in each drawing" in wrong.stderr and "nothing is split where" in wrong.stderr, wrong.stderr
    assert not (folder / "wrong").exists()


with jobs.Folder() as folder:
    begin = time.monotonic()
    whole = classes_as_scikit_learn(folder / "whole")
    killed_goes_on(folder / "killed", whole)
    interrupted_stops_its_folds(folder / "interrupted")
    failing_fold(folder / "failing")
    numbers_and_groups(folder)
    print(f"ok, {time.monotonic() - begin:.1f} s")
