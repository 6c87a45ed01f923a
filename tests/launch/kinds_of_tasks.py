"""Any of several labels, several targets, quantiles and weights of rows, on films and diamonds, as a user goes: train on two ranks, export,
evaluate, predict a file, serve. ONNX Runtime, `predict` and the server answer alike, and the thresholds and names of training decide."""

import csv
import json
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
import serving  # noqa: E402

ROWS = Path(__file__).parent / "rows"
GENRES = ["Action", "Animation", "Comedy", "Drama", "Documentary", "Romance", "Short"]
TRAINER = dict(epochs=15, global_batch_size=64, optimizer=dict(type="adamw", lr=0.005))
CONFIGS = {
    "films": dict(
        data=dict(train_file=str(ROWS / "movies_1200.csv"), target=GENRES, features=dict(categorical=["mpaa"]),
                  missing=dict(categorical="category")),
        task=dict(type="multilabel_classification", positive_weights="balanced"), trainer=TRAINER | dict(checkpoint=dict(metric="f1"))),
    "stones": dict(
        data=dict(train_file=str(ROWS / "diamonds_900.csv"), target=["price", "carat"], features=dict(categorical=["cut", "color", "clarity"])),
        task=dict(type="regression"), trainer=TRAINER | dict(checkpoint=dict(metric="r2"))),
    "range": dict(
        data=dict(train_file=str(ROWS / "diamonds_900.csv"), target="price", weight="carat",
                  features=dict(categorical=["cut", "color", "clarity"])),
        task=dict(type="quantile_regression", quantiles=[0.1, 0.5, 0.9]), trainer=TRAINER | dict(checkpoint=dict(metric="loss"))),
}


def train(folder, name):
    config = dict(name=name, model=dict(type="mlp", hidden=[32]), **CONFIGS[name])
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(config))
    jobs.run("train", file, "--ranks", "2", "--job-dir", folder / name)
    return folder / name / "export" / name


def rows_of(name, count=40):
    with open(CONFIGS[name]["data"]["train_file"], newline="") as file:
        rows = list(csv.DictReader(file))[:count]
    target = CONFIGS[name]["data"]["target"]
    left_out = set([target] if isinstance(target, str) else target) | {CONFIGS[name]["data"].get("weight")}
    words = CONFIGS[name]["data"]["features"]["categorical"]
    return [{key: value if key in words else float(value) for key, value in row.items() if key not in left_out} for row in rows]


def predicted(folder, name, model, rows):
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [json.loads(line) for line in jobs.run("predict", model, "--json-instances", file).stdout.splitlines()]


def numbers(name, answers):
    if name == "films":
        return numpy.array([answer["probabilities"] for answer in answers])
    return numpy.array([list(answer["prediction"].values()) for answer in answers])


def with_onnx_runtime(model, rows):
    import onnxruntime
    version = max(model.glob("[0-9]*"), key=lambda path: int(path.name))
    session = onnxruntime.InferenceSession(str(version / "model.onnx"))
    manifest = json.loads((version / "manifest.json").read_text())
    inputs = {}
    numeric = [column["name"] for column in manifest["columns"] if column["type"] == "number"]
    for one in session.get_inputs():
        inputs[one.name] = numpy.array([[row[c] for c in numeric] for row in rows], numpy.float32) if one.name == "numeric" \
            else numpy.array([row[one.name] for row in rows])
    return manifest, dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))


def check(folder, name):
    model = train(folder, name)
    rows = rows_of(name)
    answers = predicted(folder, name, model, rows)
    manifest, outputs = with_onnx_runtime(model, rows)
    mine = numbers(name, answers)
    theirs = outputs["probabilities" if name == "films" else "prediction"]
    assert numpy.abs(mine - theirs).max() <= 2e-5 * max(1, numpy.abs(theirs).max()), numpy.abs(mine - theirs).max()
    with serving.Server(model.parent) as server:
        served = server.ask(f"/v1/models/{name}:predict", {"instances": rows})["predictions"]
    assert served == answers, (served[0], answers[0])
    judged = json.loads(jobs.run("evaluate", model, CONFIGS[name]["data"]["train_file"], "--json", "--bootstrap", "20").stdout)["metrics"]
    table = jobs.run("predict", model, "--csv", CONFIGS[name]["data"]["train_file"], "--output", "csv").stdout.splitlines()
    return manifest, answers, mine, outputs, judged, list(csv.DictReader(table))


def films(folder):
    manifest, answers, probabilities, outputs, judged, table = check(folder, "films")
    assert manifest["labels"] == GENRES and manifest["head"]["form"] == "labels"
    given = probabilities >= numpy.array(manifest["head"]["thresholds"])
    assert (outputs["labels"] == given).all()
    assert [answer["labels"] for answer in answers] == [[genre for genre, one in zip(GENRES, row) if one] for row in given]
    assert len(set(manifest["head"]["thresholds"])) > 1, "every label has the same threshold"
    assert judged["roc_auc"]["value"] > 0.7 and judged["f1"]["value"] > 0.35, judged
    assert [row["is_Drama"] for row in table[:40]] == [str(int(row[3])) for row in given]


def stones(folder):
    manifest, answers, values, _, judged, table = check(folder, "stones")
    assert list(answers[0]["prediction"]) == ["price", "carat"] == manifest["head"]["names"]
    assert judged["r2_carat"]["value"] > 0.9 and judged["r2"]["value"] > 0.85, judged
    assert abs(judged["r2"]["value"] - (judged["r2_carat"]["value"] + judged["r2_price"]["value"]) / 2) < 1e-9
    assert abs(float(table[0]["prediction_carat"]) - values[0][1]) < 1e-4


def ranges(folder):
    manifest, answers, values, _, judged, table = check(folder, "range")
    assert list(answers[0]["prediction"]) == ["q0.1", "q0.5", "q0.9"] == manifest["head"]["names"]
    assert "carat" not in [column["name"] for column in manifest["columns"]], "the weight is no feature"
    assert 0.6 < judged["coverage"]["value"] <= 0.95, judged
    assert (values[:, 0] < values[:, 2]).mean() > 0.9


def main():
    with jobs.Folder() as folder:
        films(folder)
        stones(folder)
        ranges(folder)
        # What does not fit is said before anything is read.
        file = folder / "films.yaml"
        done = jobs.run("train", file, "--job-dir", folder / "wrong", "--set", "task={type: classification}", expect=None)
        assert done.returncode == 2 and "the task classification takes one column" in done.stderr, done.stderr
        done = jobs.run("train", file, "--job-dir", folder / "wrong", "--set", "trainer.checkpoint.metric=rmse", expect=None)
        assert done.returncode == 2 and "rmse is not a metric of the task multilabel_classification" in done.stderr, done.stderr
        done = jobs.run("train", folder / "stones.yaml", "--job-dir", folder / "wrong", "--set", "task={type: multilabel_classification}",
                        "--set", "trainer.checkpoint.metric=loss", expect=None)
        assert done.returncode == 3 and "column 'price'" in done.stderr and "expected 0 or 1" in done.stderr, done.stderr


main()
