"""examples/windows as its reader has it, built against an installed ringtrain: `own_windows.py PROGRAM`. It trains on 1, 2 and 3 ranks to equal
weights and exports; the plain ringtrain (RINGTRAIN) answers and serves windows of any length as the trained model did. The program
evaluates and retrains it, and goes on from a job that an older version wrote."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
sys.path.insert(0, str(Path(__file__).parent.parent / "compatibility"))
import asking  # noqa: E402
import jobs  # noqa: E402
import serving  # noqa: E402

PROGRAM = Path(sys.argv[1]).resolve()
EXAMPLE = jobs.SOURCE / "examples/windows"
DAYS = 24


def windows(*arguments, expect=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=200, cwd=EXAMPLE)
    assert expect is None or done.returncode == expect, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    return done


def weights(job):
    folder = job / "checkpoints" / (job / "checkpoints/latest").read_text().strip()
    return jobs.tensors(folder / "model.safetensors")


def train(folder, ranks, *more):
    job = folder / f"{ranks}_ranks"
    launch = ["--ranks", ranks] if ranks > 1 else []
    done = windows("train", "windows.yaml", *launch, "--job-dir", job, *jobs.sets(trainer__epochs=3, trainer__precision="float64"), *more)
    assert "rmse" in done.stdout, done.stdout
    return job


def trains_on_any_number_of_ranks(folder):
    """In float64, so that only the order of sums differs. One of them is exported."""
    job = train(folder, 1, *jobs.sets(export__formats=["torchscript", "onnx", "savedmodel"]))
    expected = weights(job)
    assert "weight.weight" in expected, expected.keys()
    for ranks in (2, 3):
        other = weights(train(folder, ranks, *jobs.sets(export__enabled=False)))
        for name, value in expected.items():
            difference = jobs.relative_difference(other[name], value)
            assert difference < 1e-8, (ranks, name, difference)
    return job


def rows_of_the_file():
    """What is known before each row, by the row's number."""
    rows, first = {}, 0
    with open(EXAMPLE / "shops.csv", newline="") as file:
        days = list(csv.DictReader(file))
    for place, day in enumerate(days):
        if day["shop"] != days[first]["shop"]:
            first = place
        series = [[float(one["sales"]), float(one["warmth"])] for one in days[max(first, place - DAYS):place]]
        rows[place] = {"series": series, "warmth": float(day["warmth"])}
    return rows


def trained_answers(job):
    """Of the test part, by row."""
    with open(job / "predictions.csv", newline="") as file:
        return {int(one["row"]): float(one["score0"]) for one in csv.DictReader(file)}


def values(answers):
    return [one["prediction"] if isinstance(one, dict) else one for one in answers]


def answers_as_the_trained_model(folder, job):
    rows, trained, model = rows_of_the_file(), trained_answers(job), job / "export/sales"
    given = [rows[place] for place in trained]
    for file in ("model.pt", "model.onnx", "saved_model.pb", "warmup.json"):
        assert (model / "1" / file).exists(), file
    lengths = {len(one["series"]) for one in given}
    assert {1, 2, DAYS} <= lengths and len(given) > 100, (lengths, len(given))
    expected = list(trained.values())
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in given))
    answers = [json.loads(line) for line in jobs.run("predict", model, "--json-instances", file).stdout.splitlines()]
    assert jobs.relative_difference(values(answers), expected) < 1e-5
    wrong = {"series": [[1, 2], [3]], "wramth": 1}
    file.write_text(json.dumps(wrong))
    told = jobs.run("predict", model, "--json-instances", file, expect=2).stdout
    assert "row 1: 'warmth' is missing; unknown name" in told and "Did you mean 'warmth'?" in told, told
    assert "series[1]: expected 2 values, got 1" in told, told
    refused = jobs.run("predict", model, "--csv", EXAMPLE / "shops.csv", expect=2).stderr
    assert "the model reads named tensors (series, warmth), not columns" in refused, refused
    if "serve" in jobs.run("--help").stdout:
        answers_over_http(folder, job, given, expected)


def answers_over_http(folder, job, given, expected):
    with serving.Server(job / "export") as server:
        path = "/v1/models/sales:predict"
        assert jobs.relative_difference(values(server.ask(path, {"instances": given})["predictions"]), expected) < 1e-5
        columns = {name: [row[name] for row in given] for name in given[0]}
        assert jobs.relative_difference(server.ask(path, {"inputs": columns})["outputs"]["prediction"], expected) < 1e-5
        told = server.ask(path, {"instances": [given[0], {"series": 3, "warmth": "x"}]}, expect=400)["error"]
        assert told == "row 2: series: expected an array of at most 24 arrays, got 3; warmth: expected a number, got \"x\"", told
        ports = server.ask("/v2/models/sales")["inputs"]
        assert ports == [{"name": "series", "datatype": "FP32", "shape": [-1, DAYS, 2]}, {"name": "known", "datatype": "FP32", "shape": [-1, DAYS]},
                         {"name": "warmth", "datatype": "FP32", "shape": [-1]}], ports
        few = given[:5]
        padding = [[[0, 0]] * (DAYS - len(row["series"])) for row in few]
        data = [[row["series"] + more for row, more in zip(few, padding)], [[1] * len(row["series"]) + [0] * len(more) for row, more in zip(few, padding)],
                [row["warmth"] for row in few]]
        tensors = [{"name": port["name"], "datatype": port["datatype"], "shape": [len(few), *port["shape"][1:]], "data": one}
                   for port, one in zip(ports, data)]
        infer = server.ask("/v2/models/sales/infer", {"inputs": tensors})
        assert jobs.relative_difference(infer["outputs"][0]["data"], expected[:5]) < 1e-5
        told = server.ask("/v2/models/sales/infer", {"inputs": tensors[:1]}, expect=400)["error"]
        assert told == "input 'known' is missing; input 'warmth' is missing", told
        file = folder / "rows.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in given))
        answers = jobs.run("predict", "sales", "--server", f"http://127.0.0.1:{server.port}", "--json-instances", file).stdout
        assert jobs.relative_difference(values(map(json.loads, answers.splitlines())), expected) < 1e-5


def judged(model, data, *more):
    return json.loads(windows("evaluate", model, data, "--json", "--bootstrap", 20, *more).stdout)


def measures_of(model):
    return {name: value["value"] for name, value in model["metrics"].items()}


def shops_of(folder, name, keep, change=lambda sales: sales):
    """The file with some of its shops, by their number, and other sales."""
    file, number, last = folder / name, -1, None
    with open(EXAMPLE / "shops.csv", newline="") as given, open(file, "w", newline="") as out:
        rows = csv.DictReader(given)
        writer = csv.DictWriter(out, rows.fieldnames)
        writer.writeheader()
        for row in rows:
            number, last = number + (row["shop"] != last), row["shop"]
            if keep(number):
                writer.writerow(row | {"sales": repr(change(float(row["sales"])))})
    return file


def is_evaluated_as_training_did(folder, job):
    """The figures of the test part are those of training's end, of the file with that part as of a file of those shops alone."""
    model, manifest = job / "export/sales", json.loads((job / "export/sales/1/manifest.json").read_text())
    of_training = {name: value for name, value in manifest["metrics"].items() if isinstance(value, float)}
    assert {"rmse", "loss"} <= of_training.keys(), of_training
    alone = shops_of(folder, "test_shops.csv", lambda number: number % 5 == 4)
    for one in (judged(model, "shops.csv", "--part", "test"), judged(model, alone)):
        assert one["rows"] == len(trained_answers(job)), one
        for name, value in of_training.items():
            assert abs(measures_of(one)[name] - value) < 1e-5 * max(1, abs(value)), (name, one, of_training)
    every = judged(model, "shops.csv")
    parts = [judged(model, "shops.csv", "--part", part) for part in ("train", "validation", "test")]
    assert every["rows"] == sum(part["rows"] for part in parts) and all(part["rows"] > 100 for part in parts), parts
    squares = sum(measures_of(part)["rmse"] ** 2 * part["rows"] for part in parts)
    assert abs(squares - measures_of(every)["rmse"] ** 2 * every["rows"]) < 1e-6 * squares, "all rows are those of the parts"
    refused = jobs.run("evaluate", model, EXAMPLE / "shops.csv", expect=2).stderr
    assert "was trained on data.format: windows, which this program does not know (it knows: csv, tokens)" in refused, refused
    refused = windows("evaluate", model, shops_of(folder, "one.csv", lambda number: number == 0), "--part", "test", expect=3).stderr
    assert "has no samples (test)" in refused and len(refused.splitlines()) == 1, refused
    moved = folder / "without"
    shutil.copytree(model, moved)
    shutil.rmtree(moved / "1/training")
    refused = windows("evaluate", moved, "shops.csv", expect=None)
    assert refused.returncode != 0 and "manifest.json is missing: copy the version's whole folder" in refused.stderr, refused.stderr


def is_retrained(folder, job):
    """On shops that sell three times as much: what is better there is promoted, what is worse is not."""
    base = folder / "models"
    shutil.copytree(job / "export", base)
    new = shops_of(folder, "new.csv", lambda number: True, lambda sales: 3 * sales)
    settings = jobs.sets(trainer__epochs=6, export__formats=["torchscript"])
    more = ["--train-file", new, "--bootstrap", 20, *settings]
    worse = windows("retrain", "windows.yaml", "--from", base / "sales@live", "--job-dir", folder / "worse", *more, *jobs.sets(trainer__optimizer__lr=30, trainer__epochs=1), expect=8)
    assert "not better" in worse.stdout, worse.stdout
    better = windows("retrain", "windows.yaml", "--from", base / "sales@live", "--job-dir", folder / "better", "--ranks", 2, *more)
    report = json.loads((folder / "better/retrain_report.json").read_text())
    assert report["promoted"] and report["better_by"] > 0 and report["metric"] == "rmse", (report, better.stdout)
    assert report["from"]["version"].endswith("sales/1") and report["to"]["version"].endswith("sales/3"), report
    for which in ("from", "to"):
        one = judged(report[which]["version"], new, "--part", "test")
        assert one["rows"] == report["rows"] and abs(measures_of(one)["rmse"] - report[which]["value"]) < 1e-6, (one, report)
    live = judged(f"{base}/sales@live", new, "--part", "test", "--against", base / "sales/1")
    assert live["model"].endswith("sales/3") and abs(live["difference"]["rmse"]["value"] + report["better_by"]) < 1e-6, live
    none = shops_of(folder, "few.csv", lambda number: number < 3)
    refused = windows("retrain", "windows.yaml", "--from", base / "sales@live", "--job-dir", folder / "none", "--train-file", none, expect=3).stderr
    assert "has no samples (test)" in refused and not (folder / "none").exists(), refused


def goes_on_from_older_files():
    fixtures = jobs.SOURCE / "tests/compatibility/fixtures-1"
    recorded = json.loads((fixtures / "answers.json").read_text())
    with asking.copy_of(fixtures) as copy:
        found = asking.go_on(PROGRAM, copy, "sales", recorded["steps"])
    for kind, losses in recorded["going_on"]["sales"].items():
        assert found[kind].keys() == losses.keys(), kind
        for step, value in losses.items():
            wanted, got = (value, found[kind][step]) if isinstance(value, dict) else ({"": value}, {"": found[kind][step]})
            assert all(abs(got[name] - one) < 1e-6 * max(1, abs(one)) for name, one in wanted.items()), (kind, step, got, wanted)


def main():
    with jobs.Folder() as folder:
        job = trains_on_any_number_of_ranks(folder)
        answers_as_the_trained_model(folder, job)
        is_evaluated_as_training_did(folder, job)
        is_retrained(folder, job)
    goes_on_from_older_files()
    print("windows of any length are trained on 1, 2 and 3 ranks, exported, predicted and served as the trained model answers, evaluated and retrained")


main()
