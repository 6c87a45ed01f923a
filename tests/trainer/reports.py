"""What a run tells of itself: which class is the positive one, in every report; what its numbers say at the end; a confusion matrix of many
classes in a file; a run from a checkpoint finds classes and columns by their names."""

import json
import os
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402


def said(text, *parts):
    for part in parts:
        assert part in text, f"'{part}' is not in:\n{text}"


def write_customers(file, names="abc", rows=240):
    """Who left is a third, and told by a and b; the columns are in the order of `names`, of which c is noise."""
    random = numpy.random.default_rng(3)
    values = {name: random.normal(size=rows) for name in "abc"}
    left = 2 * values["a"] - values["b"] + 0.2 * random.normal(size=rows) > 0.9
    values["b"] = values["b"] * 100 + 1000
    lines = [",".join([*names, "status"])]
    lines += [",".join([f"{values[name][row]:.5f}" for name in names] + ["left" if left[row] else "stayed"]) for row in range(rows)]
    file.write_text("\n".join(lines) + "\n")


def config(folder, name, data, target, task, **more):
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps({"name": name, "seed": 5, "data": {"train_file": str(data), "target": target}, "model": {"type": "linear"},
                                "task": {"type": task}, "trainer": {"global_batch_size": 32, "epochs": 5, "optimizer": {"lr": 0.05}} | more}))
    return file


def train(folder, file, name, *more, expect=0, **settings):
    return jobs.run("train", file, "--job-dir", folder / name, *more, *jobs.sets(**settings), expect=expect)


def test_line(job):
    lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    return next(line for line in lines if line["event"] == "evaluation" and line["part"] == "test")


def positive_class(folder):
    write_customers(folder / "customers.csv")
    file = config(folder, "customers", folder / "customers.csv", "status", "binary_classification")
    by_text = train(folder, file, "by-text", "--no-export")
    said(by_text.stderr, "positive class: 'stayed' (the second by text; task.positive chooses)")
    said(by_text.stdout, "positive class 'stayed'")
    chosen = train(folder, file, "chosen", task__positive="left", task__threshold="fixed")
    said(chosen.stderr, "positive class: 'left' (task.positive)")
    said(chosen.stdout, "positive class 'left'")
    assert test_line(folder / "chosen")["positive_class"] == "left"
    # Both learn; what precision, recall and PR-AUC are about is another class.
    first, second = test_line(folder / "by-text"), test_line(folder / "chosen")
    assert first["positive_class"] == "stayed" and first["roc_auc"] > 0.9 and second["roc_auc"] > 0.9, (first, second)
    assert first["pr_auc"] != second["pr_auc"]
    model = folder / "chosen/export/customers"
    manifest = json.loads((model / "1/manifest.json").read_text())
    assert manifest["positive_class"] == "left" and manifest["labels"] == ["stayed", "left"], manifest["labels"]
    report = json.loads(jobs.run("evaluate", model, folder / "customers.csv", "--json", "--bootstrap", 2).stdout)
    assert report["positive_class"] == "left" and report["metrics"]["roc_auc"]["value"] > 0.9, report
    said(jobs.run("evaluate", model, folder / "customers.csv", "--bootstrap", 2).stdout, "positive class 'left'")
    said(train(folder, file, "wrong", task__positive="lef", expect=2).stderr, "there are: left, stayed. Did you mean 'left'?")

    # From a checkpoint whose positive class was chosen, on a file with other columns in another order.
    write_customers(folder / "march.csv", names="cba")
    origin = next((folder / "chosen/checkpoints").glob("step-*"))
    more = train(folder, file, "more", "--no-export", "--train-file", folder / "march.csv", trainer__start_from=str(origin), trainer__epochs=1,
                 trainer__optimizer__lr=1e-9)
    said(more.stderr, "positive class: 'left' (the checkpoint's)")
    assert test_line(folder / "more")["roc_auc"] > 0.9, test_line(folder / "more")
    said(train(folder, file, "turned", "--no-export", trainer__start_from=str(origin), task__positive="stayed", expect=2).stderr,
         "of the checkpoint 'left' is the positive class")
    print("the positive class is chosen, named, and kept")


def end_of_a_run(folder):
    """One run that goes wrong in all ways, and one that learns nothing about a number."""
    random = numpy.random.default_rng(4)
    lines = ["a,b,y"] + [f"{random.normal():.4f},{random.normal():.4f},{random.normal():.4f}" for _ in range(60)]
    (folder / "noise.csv").write_text("\n".join(lines) + "\n")
    file = config(folder, "noise", folder / "noise.csv", "y", "regression", checkpoint={"metric": "r2"})
    done = train(folder, file, "noise", "--no-export", data__split={"train": 0.9, "validation": 0.1, "test": 0}, trainer__schedule__warmup_steps=5000,
                 trainer__early_stopping__patience=90)
    for text in (done.stdout, done.stderr):
        said(text, "warmup_steps is 5,000", "patience is 90", "the test part is empty", "the validation part has")
    events = [json.loads(line) for line in (folder / "noise/log.jsonl").read_text().splitlines()]
    assert sum(event["event"] == "advice" for event in events) >= 4
    refused = train(folder, config(folder, "classes", folder / "noise.csv", "y", "binary_classification"), "binary", expect=2)
    said(refused.stderr, "needs two classes, but the target has 58", "Use regression to predict a number")

    # 25 classes, and 120 prices that are taken for classes.
    lines = ["a,b,kind"] + [f"{row % 25},{random.normal():.4f},kind {row % 25:02}" for row in range(600)]
    (folder / "kinds.csv").write_text("\n".join(lines) + "\n")
    many = train(folder, config(folder, "kinds", folder / "kinds.csv", "kind", "classification"), "kinds", "--no-export")
    said(many.stdout, "25 classes; those confused most", " -> kind ", "kinds/confusion_matrix.csv")
    assert "confusion matrix (row" not in many.stdout
    matrix = numpy.genfromtxt(folder / "kinds/confusion_matrix.csv", delimiter=",", skip_header=1)[:, 1:]
    assert matrix.shape == (25, 25) and matrix.sum() == sum(int(n) for n in [many.stdout.split("Test part (")[1].split(" ")[0]]), matrix.sum()
    lines = ["a,price"] + [f"{random.normal():.4f},{(row % 40) / 4 + 0.1:.2f}" for row in range(400)]
    (folder / "prices.csv").write_text("\n".join(lines) + "\n")
    asked = train(folder, config(folder, "prices", folder / "prices.csv", "price", "classification"), "prices", "--no-export")
    said(asked.stderr, "data.target 'price' has 40 distinct decimals", "task.type: regression")
    print("the end of a run says what its numbers mean")


def profilers(folder):
    """The phases of a step have names for NVIDIA's profilers, which listen through a library of theirs."""
    if "NVTX_LISTENER" not in os.environ:
        print("built without NVTX")
        return
    file = config(folder, "watched", folder / "customers.csv", "status", "binary_classification", max_steps=3)
    listener = {"NVTX_INJECTION64_PATH": os.environ["NVTX_LISTENER"], "NVTX_LISTENER_FILE": str(folder / "ranges.txt")}
    jobs.run("train", file, "--job-dir", folder / "watched", "--no-export", env=os.environ | listener)
    stack, counts = [], {}
    for line in (folder / "ranges.txt").read_text().splitlines():
        if line == "-":
            stack.pop()
        else:
            stack.append(line[1:])
            counts[" in ".join(reversed(stack))] = counts.get(" in ".join(reversed(stack)), 0) + 1
    assert not stack, stack
    assert [counts.get(name) for name in ("load", "forward", "backward", "average", "update")] == [3] * 5, counts
    assert any("bucket 0" in name for name in counts), counts
    print("profilers see the phases of a step")


def main():
    with jobs.Folder() as folder:
        positive_class(folder)
        end_of_a_run(folder)
        profilers(folder)


main()
