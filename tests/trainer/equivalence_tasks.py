"""Multi-label classification, several targets, quantiles, weights of rows and smoothed labels against the same loss in PyTorch: 50 steps
in float64 to 1e-9, on 1, 2 and 3 ranks, the optimizer whole or divided, steps plain; resumed in the middle to the same bits; the metrics of
the test part are those of scikit-learn."""

import json
import math
import sys
from pathlib import Path

import numpy
import torch
from sklearn import metrics
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
import pytorch_loop  # noqa: E402

STEPS, BATCH, ROWS, FEATURES, SEED = 50, 37, 300, 6, 11
QUANTILES = [0.1, 0.5, 0.9]


def make_data(rows, seed):
    random = numpy.random.default_rng(seed)
    x = random.normal(size=(rows, FEATURES))
    noise = random.normal(size=(rows, 8))
    columns = {f"x{i}": x[:, i] for i in range(FEATURES)}
    columns["height"] = 170 + 10 * (x[:, 0] - 0.5 * x[:, 1] + 0.3 * noise[:, 0])
    columns["mass"] = 0.07 + 0.01 * (x[:, 2] * x[:, 0] + 0.2 * noise[:, 1])
    for i, name in enumerate(("dog", "cat", "bird")):
        columns[name] = (x[:, i] + x[:, i + 1] + 0.5 * noise[:, 2 + i] > (0.0, 1.0, -0.5)[i]).astype(int)
    columns["kind"] = numpy.argmax(x[:, :3] + 0.5 * noise[:, 5:8], axis=1)
    columns["weight"] = numpy.where(numpy.arange(rows) % 7 == 0, 0, numpy.round(1 + 2 * random.random(rows), 3))
    return columns


def write(file, columns):
    text = ",".join(columns) + "\n"
    for row in range(len(columns["x0"])):
        text += ",".join(f"{value[row]:.17g}" for value in columns.values()) + "\n"
    file.write_text(text)


def standard(values):
    return (values - values.mean(0)) / values.std(0)


def pinball(outputs, target):
    quantiles = torch.tensor(QUANTILES, dtype=torch.float64)
    above = target[:, None] - outputs
    return torch.maximum(quantiles * above, (quantiles - 1) * above).mean(1)


# Of each case: task block, data block, outputs of the network, targets as it learns them, loss of each row, what a loss of 1 is.
CASES = {
    "multilabel": dict(
        task=dict(type="multilabel_classification", positive_weights=[1, 2.5, 0.5]), target=["dog", "cat", "bird"], outputs=3,
        targets=lambda c: numpy.stack([c["dog"], c["cat"], c["bird"]], 1).astype(float),
        losses=lambda o, t: F.binary_cross_entropy_with_logits(o, t, reduction="none", pos_weight=torch.tensor([1, 2.5, 0.5]).double()).mean(1)),
    "two_targets": dict(
        task=dict(type="regression", loss="huber"), target=["height", "mass"], outputs=2,
        targets=lambda c: numpy.stack([standard(c["height"]), standard(c["mass"])], 1),
        losses=lambda o, t: F.huber_loss(o, t, reduction="none").mean(1)),
    "quantiles": dict(
        task=dict(type="quantile_regression", quantiles=QUANTILES), target="height", outputs=3,
        targets=lambda c: standard(c["height"]), losses=pinball, unit=lambda c: c["height"].std()),
    "weights": dict(
        task=dict(type="classification", label_smoothing=0.1, class_weights=[1, 2, 3]), target="kind", outputs=3, weight="weight",
        targets=lambda c: c["kind"],
        losses=lambda o, t: F.cross_entropy(o, t, reduction="none", label_smoothing=0.1),
        class_weights=numpy.array([1, 2, 3])),
    "weights_of_quantiles": dict(
        task=dict(type="quantile_regression", quantiles=QUANTILES), target="height", outputs=3, weight="weight",
        targets=lambda c: standard(c["height"]), losses=pinball, unit=lambda c: c["height"].std()),
}
OTHER_COLUMNS = ["height", "mass", "dog", "cat", "bird", "kind", "weight"]


def config(folder, name):
    case = CASES[name]
    file = folder / f"{name}.yaml"
    data = dict(train_file=str(folder / "train.csv"), test_file=str(folder / "test.csv"), target=case["target"],
                features=dict(ignore=[c for c in OTHER_COLUMNS if c not in case["target"] and c != case.get("weight")]))
    if "weight" in case:
        data["weight"] = case["weight"]
    file.write_text(json.dumps(dict(
        name=name, seed=SEED, data=data, model=dict(type="mlp", hidden=[16]), task=case["task"],
        trainer=dict(max_steps=STEPS, epochs=100, global_batch_size=BATCH, log_every_steps=1, evaluate_every_steps=1000,
                     precision="float64", save_predictions=True, clip_norm=1.5, checkpoint=dict(at_start=True, every_steps=20, keep=100),
                     optimizer=dict(type="adamw", lr=0.01, weight_decay=0.1)),
        export=dict(enabled=False))))
    return file


def peer(job, case, columns):
    from safetensors.torch import load_file
    model = torch.nn.Sequential(torch.nn.Linear(FEATURES, 16), torch.nn.ReLU(), torch.nn.Linear(16, case["outputs"])).double()
    names = {"0.weight": "hidden0.weight", "0.bias": "hidden0.bias", "2.weight": "output.weight", "2.bias": "output.bias"}
    start = load_file(job / "checkpoints" / "step-0" / "model.safetensors")
    model.load_state_dict({mine: start[theirs] for mine, theirs in names.items()})
    inputs = torch.tensor(standard(numpy.stack([columns[f"x{i}"] for i in range(FEATURES)], 1)))
    targets = torch.tensor(case["targets"](columns))
    weights = torch.tensor(columns["weight"] if "weight" in case else numpy.ones(ROWS))
    if "class_weights" in case:
        weights = weights * torch.tensor(case["class_weights"][columns["kind"]])
    unit = case["unit"](columns) if "unit" in case else 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    losses, per_epoch = [], math.ceil(ROWS / BATCH)
    for step in range(STEPS):
        epoch, number = divmod(step, per_epoch)
        if number == 0:
            order = pytorch_loop.permutation(ROWS, SEED, epoch)
        chosen = order[number * BATCH:(number + 1) * BATCH]
        loss = (case["losses"](model(inputs[chosen]), targets[chosen]) * weights[chosen]).sum() / weights[chosen].sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.5, foreach=False)
        optimizer.step()
        losses.append(loss.item() * unit)
    return losses, {names[name]: value.detach().numpy() for name, value in model.state_dict().items()}


def expected_metrics(name, scores, targets, thresholds):
    if name == "multilabel":
        answers = scores >= thresholds
        return {"subset_accuracy": metrics.accuracy_score(targets, answers), "hamming_loss": metrics.hamming_loss(targets, answers),
                "precision": metrics.precision_score(targets, answers, average="macro", zero_division=0),
                "recall": metrics.recall_score(targets, answers, average="macro", zero_division=0),
                "f1": metrics.f1_score(targets, answers, average="macro", zero_division=0),
                "f1_micro": metrics.f1_score(targets, answers, average="micro"),
                "roc_auc": metrics.roc_auc_score(targets, scores, average="macro"),
                "pr_auc": metrics.average_precision_score(targets, scores, average="macro")}
    if name == "two_targets":
        return {"mae": metrics.mean_absolute_error(targets, scores), "rmse": metrics.root_mean_squared_error(targets, scores),
                "r2": metrics.r2_score(targets, scores), "r2_mass": metrics.r2_score(targets[:, 1], scores[:, 1])}
    if name.endswith("quantiles"):
        target = targets[:, 0]
        pinballs = {f"pinball_{q}": metrics.mean_pinball_loss(target, scores[:, k], alpha=q) for k, q in enumerate(QUANTILES)}
        return pinballs | {"coverage": ((target >= scores[:, 0]) & (target <= scores[:, 2])).mean(),
                           "crossed": (numpy.diff(scores, axis=1) < 0).any(1).mean()}
    return {"accuracy": metrics.accuracy_score(targets[:, 0], scores.argmax(1))}


def check_metrics(name, job):
    lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    test = next(line for line in lines if line["event"] == "evaluation" and line["part"] == "test")
    table = numpy.genfromtxt(job / "predictions.csv", delimiter=",", names=True)
    scores = numpy.stack([table[column] for column in table.dtype.names if column.startswith("score")], 1)
    targets = numpy.stack([table[column] for column in table.dtype.names if column.startswith("target")], 1)
    # Without a validation part each label's threshold is 0.5.
    for metric, value in expected_metrics(name, scores, targets, 0.5).items():
        assert abs(test[metric] - value) < 1e-9 * max(1, abs(value)), (name, metric, test[metric], value)
    print(f"{name}: test metrics equal scikit-learn's")


def files(job, step):
    folder = job / "checkpoints" / f"step-{step}"
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


def check(what, difference):
    print(f"{what}: {difference:.3g}")
    assert difference < 1e-9, what


def main():
    with jobs.Folder() as folder:
        columns = make_data(ROWS, 1)
        write(folder / "train.csv", columns)
        write(folder / "test.csv", make_data(120, 2))
        for name, case in CASES.items():
            file = config(folder, name)
            expected = None
            for ranks, sharded in ((1, False), (2, False), (3, True)):
                job = folder / f"{name}-{ranks}"
                jobs.run("train", file, "--ranks", ranks, "--job-dir", job, *jobs.sets(trainer__shard_optimizer=sharded))
                expected = expected or peer(job, case, columns)
                what = f"{name}, {ranks} ranks{', sharded' if sharded else ''}"
                check(f"{what}: losses", jobs.relative_difference(jobs.losses(job), expected[0]))
                weights = jobs.weights(job, STEPS)
                for parameter, value in expected[1].items():
                    check(f"{what}: {parameter}", jobs.relative_difference(weights[parameter], value))
            check_metrics(name, job)
            whole = files(job, STEPS)
            jobs.run("train", file, "--ranks", 3, "--job-dir", job, "--checkpoint", "step-20", *jobs.sets(trainer__shard_optimizer=True))
            assert files(job, STEPS) == whole, f"{name}: other bits after the resume"


main()
