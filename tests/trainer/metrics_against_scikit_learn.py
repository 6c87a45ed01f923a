"""Compares ringtrain's metrics with scikit-learn's on the same random rows: metrics_against_scikit_learn.py PROGRAM."""

import json
import subprocess
import sys
import warnings

import numpy as np
from sklearn import metrics as sk

PROGRAM = sys.argv[1]
compared = 0


def ours(kind, columns, *words):
    rows = "\n".join(",".join(repr(float(cell)) for cell in row) for row in zip(*columns))
    answer = subprocess.run([PROGRAM, kind, *map(str, words)], input=rows, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def same(what, got, expected):
    global compared
    compared += 1
    if not np.allclose(got, expected, rtol=0, atol=1e-6):
        sys.exit(f"{what}: {got}, scikit-learn has {expected}")


def binary(random, rows, positives, digits):
    labels = np.zeros(rows, int)
    labels[random.permutation(rows)[:positives]] = 1
    scores = np.clip(random.normal(0.3 + 0.25 * labels, 0.2), 0, 1).astype(np.float32).astype(float)
    if digits:
        scores = np.round(scores, digits)  # ties
    what = f"binary, {rows} rows, {positives} positive, {digits} digits"
    for threshold in (0.5, float(np.median(scores))):
        got = ours("binary", [scores, labels], threshold)
        predicted = (scores >= threshold).astype(int)
        same(f"{what}: accuracy", got["accuracy"], sk.accuracy_score(labels, predicted))
        same(f"{what}: precision", got["precision"], sk.precision_score(labels, predicted, zero_division=0))
        same(f"{what}: recall", got["recall"], sk.recall_score(labels, predicted, zero_division=0))
        same(f"{what}: f1", got["f1"], sk.f1_score(labels, predicted, zero_division=0))
        same(f"{what}: confusion", got["confusion_matrix"], sk.confusion_matrix(labels, predicted, labels=[0, 1]))
        same(f"{what}: roc_auc", got["roc_auc"], sk.roc_auc_score(labels, scores))
        same(f"{what}: pr_auc", got["pr_auc"], sk.average_precision_score(labels, scores))
    # The chosen thresholds are as good as the best of all possible ones.
    candidates = np.append(np.unique(scores), 2)
    f1 = [sk.f1_score(labels, (scores >= t).astype(int), zero_division=0) for t in candidates]
    same(f"{what}: best F1", sk.f1_score(labels, (scores >= got["best_f1_threshold"]).astype(int)), max(f1))

    def cost(t):
        return ((scores >= t) & (labels == 0)).sum() + 20 * ((scores < t) & (labels == 1)).sum()

    same(f"{what}: least cost", cost(got["threshold_for_cost_20"]), min(map(cost, candidates)))


def multiclass(random, rows, classes, digits, absent=None):
    labels = random.choice(classes, rows, p=random.dirichlet(np.ones(classes) * 3))
    labels[: 2 * classes] = np.repeat(np.arange(classes), 2)  # each occurs
    logits = random.normal(0, 1, (rows, classes)) + 1.5 * np.eye(classes)[labels]
    if absent is not None:  # neither a label nor a prediction
        labels[labels == absent] = (absent + 1) % classes
        logits[:, absent] = -30
    odds = np.exp(logits)
    probabilities = odds / odds.sum(1, keepdims=True)
    if digits:
        probabilities = np.round(probabilities, digits)
    predicted = probabilities.argmax(1)
    what = f"{classes} classes, {rows} rows, {digits} digits, absent: {absent}"
    got = ours("multiclass", [*probabilities.T, labels], classes)
    macro = {"average": "macro", "zero_division": 0}
    same(f"{what}: accuracy", got["accuracy"], sk.accuracy_score(labels, predicted))
    same(f"{what}: precision", got["precision"], sk.precision_score(labels, predicted, **macro))
    same(f"{what}: recall", got["recall"], sk.recall_score(labels, predicted, **macro))
    same(f"{what}: f1", got["f1"], sk.f1_score(labels, predicted, **macro))
    same(f"{what}: confusion", got["confusion_matrix"], sk.confusion_matrix(labels, predicted, labels=range(classes)))
    present = [k for k in range(classes) if k != absent]
    one_hot = np.eye(classes, dtype=int)[labels][:, present]
    same(f"{what}: roc_auc", got["roc_auc"], sk.roc_auc_score(one_hot, probabilities[:, present], average="macro"))
    same(f"{what}: pr_auc", got["pr_auc"], sk.average_precision_score(one_hot, probabilities[:, present], average="macro"))
    if absent is None and not digits and classes > 2:
        same(f"{what}: ovr", got["roc_auc"], sk.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro"))


def regression(random, rows, offset):
    targets = offset + random.normal(0, 3, rows)
    predictions = targets + random.normal(0, 1, rows)
    got = ours("regression", [predictions, targets])
    same("mae", got["mae"], sk.mean_absolute_error(targets, predictions))
    same("rmse", got["rmse"], sk.mean_squared_error(targets, predictions) ** 0.5)
    same("r2", got["r2"], sk.r2_score(targets, predictions))


warnings.simplefilter("error")
random = np.random.default_rng(20260105)
for rows, positives in ((2, 1), (50, 7), (1000, 500), (5000, 9)):
    for digits in (None, 2, 1):
        binary(random, rows, positives, digits)
for classes in (2, 3, 10):
    for digits in (None, 1):
        multiclass(random, 600, classes, digits)
multiclass(random, 300, 4, None, absent=2)
for rows, offset in ((2, 0), (1000, 0), (1000, 1e6)):
    regression(random, rows, offset)
for targets, predictions in (([2, 2, 2], [2, 2, 2]), ([2, 2, 2], [2, 2, 3])):
    same("r2 of constant targets", ours("regression", [predictions, targets])["r2"], sk.r2_score(targets, predictions))
print(f"{compared} values agree with scikit-learn within 1e-6")
