"""`ringtrain drift` as a user calls it: sound rows are good, spoilt ones are not, figures are SciPy's, the profile is the same
on any number of ranks, JSON lines and Parquet and folders are read as CSV is, and what cannot be compared is refused. What a
server logged is compared with what its model gives now, and a server says the same of the rows that it answers."""

import json
import math
import os
import sys
import time
from pathlib import Path

import numpy
import pandas
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server  # noqa: E402

ROWS, WINDOW = 6000, 500

CONFIG = """name: sea
task: {type: binary_classification}
data:
  format: csv
  train_file: train.csv
  target: label
  features: {numeric: [x1, x2, x3, income], categorical: [city]}
  missing: {numeric: mean, categorical: category}
model: {type: mlp, hidden: [16]}
trainer: {epochs: 4, global_batch_size: 128, optimizer: {type: adam, lr: 0.02}, report: false}
export: {formats: [torchscript]}
"""


def sea(rows, seed, threshold=8.0, cities=("Rome", "Oslo", "Lima"), stretch=1.0, gaps=0.05):
    """SEA (Street and Kim 2001) with an income and a city that mean nothing."""
    random = numpy.random.default_rng(seed)
    table = pandas.DataFrame(random.uniform(0, 10, (rows, 3)), columns=["x1", "x2", "x3"])
    table["income"] = numpy.round(random.lognormal(8, 0.6, rows) * stretch, 2)
    table.loc[random.uniform(size=rows) < gaps, "income"] = numpy.nan
    table["city"] = random.choice(cities, rows)
    turned = random.uniform(size=rows) < 0.1
    table["label"] = numpy.where((table.x1 + table.x2 <= threshold) != turned, "yes", "no")
    return table


def write(folder, name, table):
    table.to_csv(folder / name, index=False)
    return folder / name


def drift(*arguments, expect, **options):
    return jobs.run("drift", *arguments, expect=expect, **options)


def found(*arguments, expect):
    all_of_it = json.loads(drift(*arguments, "--json", expect=expect).stdout)
    return all_of_it, {one["name"]: one for one in all_of_it["columns"]}


def train(folder, ranks):
    job = folder / f"job-{ranks}"
    jobs.run("train", folder / "sea.yaml", "--train-file", folder / "train.csv", "--job-dir", job, "--ranks", ranks)
    return job / "export/sea"


def shares(counts):
    return numpy.maximum(numpy.array(counts) / sum(counts), 1e-4)


def same_as_scipy(column):
    """From the counts that the command printed."""
    then, now = column["then"], column["now"]
    measures = {name: one["value"] for name, one in column["measures"].items()}
    if "words" in then:
        p, q = ([count for _, count in side["words"]] + [side["rest"]] for side in (then, now))
        assert math.isclose(measures["JS"], jensenshannon(p, q), abs_tol=1e-9), column["name"]
        return
    p, q = shares(then["bins"]), shares(now["bins"])
    assert math.isclose(measures["PSI"], float(((q - p) * numpy.log(q / p)).sum()), rel_tol=1e-9), column["name"]
    places = range(len(then["bins"]))
    exact = ks_2samp(numpy.repeat(places, then["bins"]), numpy.repeat(places, now["bins"])).statistic
    assert math.isclose(measures["KS"], exact, abs_tol=1e-9), column["name"]


def same_counts(column, values):
    """Counted again from the file."""
    bins = numpy.searchsorted(column["edges"], values.dropna(), side="left")
    assert numpy.bincount(bins, minlength=len(column["edges"]) + 1).tolist() == column["now"]["bins"], column["name"]
    assert int(values.isna().sum()) == column["now"]["missing"], column["name"]


def profiles(folder, one):
    """Of the training part, the same for one rank and two."""
    two = train(folder, 2)
    first, second = (json.loads((export / "1/schema.json").read_text())["profile"] for export in (one, two))
    for part in ("rows", "looked_at", "columns", "targets"):
        assert first[part] == second[part], part
    assert abs(first["rows"] - 4200) <= 1 and first["scored"] == "validation" and len(first["scores"]) == 1, first["rows"]
    assert [column["name"] for column in first["columns"]] == ["x1", "x2", "x3", "income", "city"]


def good_rows(folder, model):
    table = sea(ROWS, 2)
    file = write(folder, "good.csv", table)
    text = drift(model, file, "--window", WINDOW, expect=0).stdout
    print(text)
    assert ", 0 warnings, 0 bad" in text and "5,501 to 6,000" in text and "ADWIN finds no change" in text, text
    _, columns = found(model, file, expect=0)
    assert list(columns) == ["x1", "x2", "x3", "income", "city", "label", "score of yes"], list(columns)
    for column in columns.values():
        same_as_scipy(column)
    for name in ("x1", "income"):
        same_counts(columns[name], table[name].astype("float32"))
    # The same rows in other forms, and without truth.
    parts = folder / "parts"
    parts.mkdir()
    table[:3000].to_parquet(parts / "a.parquet")
    table[3000:].to_parquet(parts / "b.parquet")
    (folder / "good.jsonl").write_text("".join(
        json.dumps({key: value for key, value in row.items() if value == value}) + "\n" for row in table.to_dict("records")))
    for other in (parts, folder / "good.jsonl"):
        assert found(model, other, expect=0)[1] == columns, other
    bare, columns = found(model, write(folder, "bare.csv", table.drop(columns="label")), expect=0)
    assert "course" not in bare and "label" not in columns, bare


def spoilt_rows(folder, model):
    table = sea(ROWS, 3, cities=("Rome", "Rome", "Rome", "Bonn"), stretch=2.5, gaps=0.4)
    file = write(folder, "spoilt.csv", table)
    page = folder / "drift.html"
    text = drift(model, file, "--html", page, expect=2).stdout
    flat = " ".join(text.split())
    assert "values unseen in training, 'Bonn' first" in flat and "% then, 40." in flat, text
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 100, text
    _, columns = found(model, file, expect=2)
    levels = {name: one["level"] for name, one in columns.items()}
    assert levels["income"] == "bad" and levels["city"] == "bad" and levels["x1"] == "good", levels
    for column in columns.values():
        same_as_scipy(column)
    # Limits may be chosen.
    generous = [word for name in ("psi", "ks", "js", "missing", "unseen", "outside") for word in (f"--{name}", "9,9")]
    drift(model, file, *generous, expect=0)
    drift(model, file, *generous[2:], "--psi", "0.01,9", expect=1)
    html = page.read_text()
    assert "http" not in html.replace("http://www.w3.org/", "") and "Numbers then and now" in html and "'Bonn'" not in html.split("<main>")[0]


def changed_truth(folder, model):
    change = 3000
    table = pandas.concat([sea(change, 4), sea(ROWS - change, 5, threshold=9.5)])
    all_of_it, _ = found(model, write(folder, "change.csv", table), "--window", WINDOW, expect=2)
    course = all_of_it["course"]
    assert len(course["windows"]) == ROWS // WINDOW and course["windows"][6]["first"] == change + 1, course
    first = course["changes"][0]
    assert change < first["found"] <= change + 2 * WINDOW and first["after"] > first["before"], course["changes"]
    accuracy = [window["metrics"]["accuracy"] for window in course["windows"]]
    right = [(table.label[i * WINDOW:(i + 1) * WINDOW]) for i in range(len(accuracy))]
    assert len(right) == len(accuracy) and max(accuracy[6:]) < min(accuracy[:6]), accuracy


def false_alarms(folder, model):
    """No drift, no alarm: in all measures at once, of small and large files. At most 2 of 100; here fewer files are tried."""
    files = 100 if os.environ.get("RINGTRAIN_SOAK") else 5
    alarms = [seed for seed in range(files)
              if drift(model, write(folder, "again.csv", sea(60 * (seed % 20 + 1), 100 + seed)), expect=None).returncode != 0]
    assert len(alarms) <= files // 50, alarms


def references(folder, model):
    """Rows in place of the profile; and an export that has none."""
    schema = model / "1/schema.json"
    same, _ = found(model, folder / "good.csv", "--reference", folder / "train.csv", expect=0)
    assert same["trained_rows"] == 6000 and same["reference"] == str(folder / "train.csv"), same["trained_rows"]
    whole, manifest = schema.read_text(), model / "1/manifest.json"
    before = manifest.read_text()
    bare = json.loads(whole)
    del bare["profile"]
    schema.write_text(json.dumps(bare))
    edited = json.loads(before)
    del edited["files"]["schema.json"]
    manifest.write_text(json.dumps(edited))
    refusal = drift(model, folder / "good.csv", expect=64).stderr
    assert "no profile" in refusal and "--reference" in refusal, refusal
    drift(model, folder / "good.csv", "--reference", folder / "train.csv", expect=0)
    schema.write_text(whole)
    manifest.write_text(before)


def refused(folder, model):
    (folder / "empty.csv").write_text("x1,x2,x3,income,city\n")
    lacking = write(folder, "lacking.csv", sea(50, 6).drop(columns=["x2", "city"]))
    for words, code, arguments in (
            ("'x2', 'city'", 3, (model, lacking)),
            ("no rows", 3, (model, folder / "empty.csv")),
            ("no-such.csv", 3, (model, folder / "no-such.csv")),
            ("no-such", None, (folder / "no-such", lacking)),
            ("--psi", 64, (model, lacking, "--psi", "0.3,0.1")),
            ("--window", 64, (model, lacking, "--window", "0")),
            ("DATA", 64, (model,))):
        done = drift(*arguments, expect=code)
        assert done.returncode not in (0, 1, 2) and words in done.stderr, (words, done.returncode, done.stderr)
    # Rows that the model does not answer are counted, and are a finding.
    odd = sea(100, 7)
    odd["x1"] = odd["x1"].astype(object)
    odd.loc[:20, "x1"] = "oops"
    text = drift(model, write(folder, "odd.csv", odd), expect=2).stdout
    assert "rows without an answer" in text and "21 of 100" in text and "'oops'" in text, text


def edited(version, change):
    """Changes schema.json; returns what puts the version back."""
    files = [version / "schema.json", version / "manifest.json"]
    before = [file.read_text() for file in files]
    schema, manifest = map(json.loads, before)
    change(schema)
    del manifest["files"]["schema.json"]
    for file, json_value in zip(files, (schema, manifest)):
        file.write_text(json.dumps(json_value))
    return lambda: [file.write_text(text) for file, text in zip(files, before)]


def skew(folder, model):
    """The served graph beside training's preprocessing: a column that another schema.json scales otherwise is named."""
    all_of_it, _ = found(model, folder / "good.csv", expect=0)
    assert all_of_it["skew"]["rows"] == ROWS and all_of_it["skew"]["columns"] == [], all_of_it["skew"]

    def other_scale(schema):
        schema["numeric"][1]["scale"] *= 1.0001

    def other_words(schema):
        schema["categorical"][0]["vocabulary"] = [word.replace("Oslo", "Nice") for word in schema["categorical"][0]["vocabulary"]]

    for change, name in ((other_scale, "x2"), (other_words, "city")):
        put_back = edited(model / "1", change)
        all_of_it, _ = found(model, folder / "good.csv", expect=2)
        put_back()
        (one,) = all_of_it["skew"]["columns"]
        assert one["name"] == name and 1000 < one["rows"] <= ROWS and one["trained"] != one["served"], one
        assert any(finding["what"] == f"{name} (skew)" and finding["level"] == "bad" for finding in all_of_it["findings"]), all_of_it["findings"]


def instances(table):
    return [{key: None if value != value else value for key, value in row.items()} for row in table.to_dict("records")]


def series(text, name, **labels):
    """The values of a gauge's samples."""
    lines = [line for line in text.splitlines() if line.startswith(name + "{") and all(f'{key}="{value}"' in line for key, value in labels.items())]
    return {line.split('measure="')[1].split('"')[0] if "measure=" in line else "": float(line.rsplit(" ", 1)[1]) for line in lines}


def served(folder, model):
    """Gauges of a server that answers, what it logs, and the drift of that log, with truth by feedback."""
    logs = folder / "logs"
    table = sea(1100, 8)
    asked, truth = instances(table.drop(columns="label")), list(table.label)
    with Server(model.parent, "--set", f"log.folder={logs}", "--set", "log.rotate_seconds=0.2") as server:
        assert series(server.ask("/metrics"), "ringtrain_drift_rows") == {"": 0}
        assert series(server.ask("/metrics"), "ringtrain_drift", column="x1") == {}, "judged without rows"
        for begin in range(0, 900, 100):
            server.ask("/v1/models/sea:predict", {"instances": asked[begin:begin + 100]}, headers={"X-Request-Id": f"r{begin}"})
            server.ask("/v1/feedback", {"model": "sea", "request_id": f"r{begin}", "labels": truth[begin:begin + 100]})
        text = server.ask("/metrics")
        assert series(text, "ringtrain_drift_rows", model="sea", version="1") == {"": 900}, text
        for name in ("x1", "income", "city", "score of yes"):
            values, limits = (series(text, gauge, column=name) for gauge in ("ringtrain_drift", "ringtrain_drift_limit"))
            assert values and all(values[one] <= limits[one] for one in values), (name, values, limits)
        told = {one["name"]: one for one in server.ask("/v1/drift")["sea"]["1"]["columns"]}
        # The same as of the rows in a file.
        _, columns = found(model, write(folder, "asked.csv", table[:900].drop(columns="label")), expect=0)
        for name, one in columns.items():
            for measure, is_so in one["measures"].items():
                assert math.isclose(told[name]["measures"][measure]["value"], is_so["value"], rel_tol=1e-9, abs_tol=1e-12), (name, measure)
        server.until(lambda: sum(pandas.read_parquet(file).shape[0] for file in logs.glob("sea/requests/1/*.parquet")) == 900)
        server.until(lambda: list(logs.glob("sea/feedback/*.parquet")))
        all_of_it, columns = found(model, logs, expect=0)
        assert all_of_it["rows"] == 900 and all_of_it["course"]["rows"] == 900 and all_of_it["data"] == str(logs), all_of_it["course"]
        logged = all_of_it["skew"]["logged"]
        assert logged["rows"] == 900 and logged["other"] == 0 and logged["same_bits"] > 800 and logged["largest"] < 1e-6, logged
        # Another stream: seen in the gauges and on the page's interface after a window, by then the old rows are gone.
        spoilt = instances(sea(1500, 9, cities=("Bonn", "Rome"), stretch=3.0).drop(columns="label"))
        for begin in range(0, 1500, 100):
            time.sleep(0.1)  # a thousand rows a second are looked at
            server.ask("/v1/models/sea:predict", {"instances": spoilt[begin:begin + 100]})
        told = {one["name"]: one["level"] for one in server.ask("/v1/drift")["sea"]["1"]["columns"]}
        assert told["income"] == told["city"] == "bad" and told["x1"] == "good", told
        text = server.ask("/metrics")
        assert series(text, "ringtrain_drift", column="city")["unseen"] > 0.3, text
    # A log of another model's name, and one without rows of this version.
    (folder / "other/requests/1").mkdir(parents=True)
    assert "no requests" in drift(model, folder, expect=3).stderr
    # A file that was changed after it answered.
    file = sorted(logs.glob("sea/requests/1/*.parquet"))[0]
    rows = pandas.read_parquet(file)
    rows.loc[3, "answer.p_yes"] = 0.123
    rows.to_parquet(file)
    refusal = drift(model, logs, expect=2).stdout
    assert "logged answers" in refusal and "  1 of 2," in refusal and "row 4 first" in " ".join(refusal.split()), refusal


def main():
    with jobs.Folder() as folder:
        (folder / "sea.yaml").write_text(CONFIG)
        write(folder, "train.csv", sea(6000, 1))
        model = train(folder, 1)
        profiles(folder, model)
        good_rows(folder, model)
        spoilt_rows(folder, model)
        changed_truth(folder, model)
        false_alarms(folder, model)
        references(folder, model)
        refused(folder, model)
        skew(folder, model)
        served(folder, model)


main()
