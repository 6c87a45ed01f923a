"""The request log of `ringtrain serve`: what it was asked and answered, and what came to be known of it, in Parquet files that pandas reads;
`serve-log show` and `export`; what is left out, hashed, dropped and removed; labels that are early, late, twice or of nobody."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy
import pandas

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server  # noqa: E402

PREDICT = "/v1/models/shops:predict"


def train(folder):
    """A classifier with a wide number, a date, words, and a number of each row that it does not take."""
    draw = numpy.random.default_rng(7)
    amounts, shops = draw.lognormal(3, 1, 600).round(3), draw.choice(["air", "bakery", "cinema", ""], 600)
    days = pandas.Timestamp("2025-01-01") + pandas.to_timedelta(draw.integers(0, 500_000, 600), unit="min")
    frame = pandas.DataFrame({"row_id": [f"t{i}" for i in range(600)], "amount": amounts, "shop": shops, "at": days.strftime("%Y-%m-%d %H:%M"),
                              "fraud": ((amounts > 30) | (shops == "air")).astype(int)})
    frame.to_csv(folder / "shops.csv", index=False)
    base = folder / "models"
    jobs.run("train", "configs/cancer.yaml", "--train-file", folder / "shops.csv", "--job-dir", folder / "job",
             *jobs.sets(name="shops", export__repository=str(base), trainer__epochs=2, data__target="fraud", data__features__categorical=["shop"],
                        data__features__date=["at"], data__features__ignore=["row_id"], data__missing__categorical="category"))
    rows = json.loads(frame.drop(columns="fraud").head(40).to_json(orient="records"))
    return base, rows, frame


def stop(server):
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=20) == 0, server.lines


def ask(server, rows, request_id):
    return server.ask(PREDICT, {"instances": rows}, headers={"X-Request-Id": request_id})["predictions"]


def kept(log, version=1):
    files = sorted((log / "shops/requests" / str(version)).glob("*"))
    assert all(file.suffix == ".parquet" for file in files), files
    return pandas.concat([pandas.read_parquet(file) for file in files], ignore_index=True).sort_values(["request.id", "request.row"], ignore_index=True)


def rows_are_kept(folder, base, rows):
    """Rows as they came, by rows, by columns and over the Open Inference Protocol; each file is whole when it is seen."""
    log = folder / "whole"
    with Server(base, "--log-folder", log, "--set", "log.key=row_id", "--set", "log.rotate_seconds=0.2") as server:
        begin = pandas.Timestamp.now(tz="UTC")
        first = ask(server, rows[:30], "a")
        columns = {name: [row[name] for row in rows[30:33]] for name in rows[0]}
        server.ask(PREDICT, {"inputs": columns}, headers={"X-Request-Id": "b"})
        tensors = [{"name": "amount", "datatype": "FP32", "shape": [1], "data": [rows[33]["amount"]]}, {"name": "shop", "datatype": "BYTES", "shape": [1], "data": ["air"]},
                   {"name": "at", "datatype": "BYTES", "shape": [1], "data": [rows[33]["at"]]}, {"name": "row_id", "datatype": "BYTES", "shape": [1], "data": ["t33"]}]
        server.ask("/v2/models/shops/infer", {"id": "c", "inputs": tensors})
        server.ask(PREDICT, {"instances": [{"amount": "dear"}]}, expect=400)
        server.until(lambda: sum(len(pandas.read_parquet(file)) for file in log.rglob("*.parquet")) == 34)
        ask(server, rows[34:35], "d")
        stop(server)  # writes what is left
    found = kept(log)
    assert list(found["request.id"]) == ["a"] * 30 + ["b"] * 3 + ["c", "d"] and list(found["request.row"][:31]) == [*range(1, 31), 1], found
    assert list(found["request.key"]) == [f"t{i}" for i in range(35)], found
    assert (found["request.time"] > begin - pandas.Timedelta(seconds=1)).all() and (found["request.time"] < pandas.Timestamp.now(tz="UTC")).all()
    assert (found["amount"].to_numpy(numpy.float32) == numpy.float32([row["amount"] for row in rows[:35]])).all()
    words = [row["shop"] or None for row in rows[:33]] + ["air", rows[34]["shop"] or None]
    assert [None if pandas.isna(word) else word for word in found["shop"]] == words, found["shop"]
    assert (pandas.to_datetime(found["at"], utc=True, format="ISO8601") == pandas.to_datetime([row["at"] for row in rows[:35]], utc=True)).all(), found["at"]
    for row, answer in zip(found.itertuples(index=False), first):
        shown = dict(zip(found.columns, row, strict=True))
        assert shown["answer.class"] == answer["class"] and shown["answer.label"] == answer["label"], (shown, answer)
        assert numpy.abs(numpy.array([shown["answer.p_0"], shown["answer.p_1"]]) - answer["probabilities"]).max() < 1e-6
    shown = json.loads(jobs.run("serve-log", "show", log, "--json").stdout)
    assert len(shown) == 1 and shown[0].items() >= {"model": "shops", "version": 1, "rows": 35, "dropped": 0}.items(), shown
    assert shown[0]["first"] == found["request.time"].min().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", shown
    assert "shops" in jobs.run("serve-log", "show", log).stdout
    return log


def private(folder, base, rows):
    """What is left out is in no file; what is hashed is not there as it came."""
    log = folder / "private"
    options = {"log.leave_out": "[amo*]", "log.hash": "[shop, row_id]", "log.key": "row_id"}
    with Server(base, "--log-folder", log, *(word for key, value in options.items() for word in ("--set", f"{key}={value}"))) as server:
        ask(server, rows, "a")
        server.ask("/v1/feedback", {"model": "shops", "key": "t3", "label": 1})
        stop(server)
    found = kept(log)
    assert "amount" not in found and "at" in found, list(found)
    hashes = found["shop"].dropna()
    assert hashes.str.fullmatch("[0-9a-f]{16}").all() and hashes.nunique() == len({row["shop"] for row in rows if row["shop"]}), hashes
    assert not any(word in file.read_bytes() for file in log.rglob("*.parquet") for word in (b"bakery", b"cinema", b"t33"))
    jobs.run("serve-log", "export", log, "--output", folder / "private.csv")
    assert pandas.read_csv(folder / "private.csv")["fraud"].notna().sum() == 1  # the keys' hashes meet
    wrong = jobs.run("serve", base, "--log-folder", log, "--set", "log.leave_out=[amuont]", expect=2).stderr
    assert "log.leave_out: no model has a column 'amuont'" in wrong and "Did you mean 'amount'?" in wrong, wrong


def share(folder, base, rows):
    """A share of the requests, by their ids: the same ones for every server."""
    sizes = []
    for attempt in range(2):
        log = folder / f"share-{attempt}"
        with Server(base, "--log-folder", log, "--set", "log.share=0.3", "--set", "log.key=row_id") as server:
            for i in range(200):
                ask(server, rows[:1], f"request-{i}")
            stop(server)
        sizes.append(set(kept(log)["request.id"]))
    assert sizes[0] == sizes[1] and 35 <= len(sizes[0]) <= 85, len(sizes[0])


def truth(folder, base, rows, frame):
    """Feedback by id, by row, by key; early, late, twice, of nobody; what is refused."""
    log = folder / "truth"
    feedback = "/v1/feedback"
    with Server(base, "--log-folder", log, "--set", "log.key=row_id") as server:
        ask(server, rows[:3], "three")
        ask(server, rows[3:4], "one")
        ask(server, rows[4:5], "keyed")

        def tell(expect=200, **fields):
            return server.ask(feedback, {"model": "shops", **fields}, expect=expect)

        assert tell(request_id="three", labels=[1, None, 0]) == {"kept": 2}
        assert tell(request_id="three", row=2, label="0") == {"kept": 1}
        tell(request_id="one", label=0), tell(request_id="one", label=1)  # the last one counts
        tell(key="t4", label=1)
        tell(key="t4", label=0, time="2001-01-01")  # early
        tell(request_id="nobody", label=1), tell(key="t99", label=1), tell(request_id="three", row=9, label=1)
        assert server.ask(feedback, [{"model": "shops", "request_id": "x", "label": 0}] * 7) == {"kept": 7}
        assert "no class '2'; there are: 0, 1" in tell(400, request_id="one", label=2)["error"]
        assert "in the future" in tell(400, request_id="one", label=1, time=time.time() + 3600)["error"]
        assert "one of" in tell(400, label=1)["error"]
        assert "there is no model 'shop'" in tell(404, model="shop", request_id="one", label=1)["error"]
        assert "another site" in server.ask(feedback, {"model": "shops", "request_id": "one", "label": 1}, expect=400, headers={"Origin": "https://x.example"})["error"]
        assert "wants POST" in server.ask(feedback, expect=405)["error"]
        assert 'ringtrain_feedback_total{model="shops"} 17' in server.ask("/metrics"), server.ask("/metrics")
        stop(server)
    done = jobs.run("serve-log", "export", log, "--output", folder / "known.parquet", "--labelled")
    assert "5 rows, 5 with a label" in done.stdout and "6 joined (1 replaced by later ones), 1 early, 0 later than 30 days, 10 to no row" in done.stdout, done.stdout
    known = pandas.read_parquet(folder / "known.parquet").set_index(["request.id", "request.row"])
    labels = {("three", 1): "1", ("three", 2): "0", ("three", 3): "0", ("one", 1): "1", ("keyed", 1): "1"}
    assert known["fraud"].to_dict() == labels and (known["request.version"] == 1).all(), known
    # The file is one of rows with their truth.
    assert jobs.run("evaluate", base / "shops", folder / "known.parquet", "--bootstrap", "2", "--json").stdout
    everything = jobs.run("serve-log", "export", log, "--output", folder / "all.csv", "--feedback-days", "0").stdout
    assert "5 rows, 0 with a label" in everything and "6 later than 0 days" in everything, everything
    assert len(pandas.read_csv(folder / "all.csv")) == 5
    assert ": 0 rows" in jobs.run("serve-log", "export", log, "--output", folder / "none.csv", "--from", "2030-01-01").stdout
    for code, arguments, said in ((2, ["--from", "soon"], "--from: expected a time"), (3, ["--model", "shop"], "no model 'shop'; there are: shops. Did you mean 'shops'?")):
        assert said in jobs.run("serve-log", "export", log, "--output", folder / "x.csv", *arguments, expect=code).stderr, said
    assert "no such folder" in jobs.run("serve-log", "show", folder / "none", expect=3).stderr


def not_in_the_way(folder, base, rows):
    """A disk that is full costs rows, which are counted, and no request; old files go."""
    log = folder / "full"
    with Server(base, "--log-folder", log, "--set", "log.rotate_seconds=0.1", "--set", "log.key=row_id") as server:
        (log / "shops").write_text("no folder")  # nothing can be written below
        ask(server, rows, "lost")
        server.until(lambda: 'ringtrain_log_dropped_total{log="requests"} 40' in server.ask("/metrics"))
        assert any("rows are dropped until it can be written" in line for line in server.lines), server.lines
        (log / "shops").unlink()
        ask(server, rows[:2], "kept")
        stop(server)
    shown = json.loads(jobs.run("serve-log", "show", log, "--json").stdout)
    assert (shown[0]["rows"], shown[0]["dropped"]) == (2, 40), shown
    (file,) = (log / "shops/requests/1").iterdir()
    os.utime(file, (time.time() - 40 * 86400,) * 2)
    with Server(base, "--log-folder", log) as server:
        server.until(lambda: not file.exists())
    assert "this server keeps no feedback" in feedback_without(base)


def feedback_without(base):
    with Server(base) as server:
        return server.ask("/v1/feedback", {"model": "shops", "request_id": "a", "label": 1}, expect=404)["error"]


def main():
    with jobs.Folder() as folder:
        base, rows, frame = train(folder)
        rows_are_kept(folder, base, rows)
        private(folder, base, rows)
        share(folder, base, rows)
        truth(folder, base, rows, frame)
        not_in_the_way(folder, base, rows)
    print("rows, answers and labels are kept as they came, joined by the written rules, and never in the way")


main()
