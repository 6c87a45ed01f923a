"""Answers from tables as people have them: columns in another order, times in milliseconds, one word written in many ways, words that
training did not see, index columns, labels, rows without a target. The same value gives the same bits in every form of rows."""

import datetime
import json
import random
import sys
from pathlib import Path

import numpy
import onnxruntime
import pyarrow
import pyarrow.parquet

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
import serving  # noqa: E402


def csv_file(file, header, rows):
    file.write_text(",".join(header) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return file


def trained(folder, name, file, target, expect=0, task="binary_classification", **fields):
    """Trains a linear model; returns (process, exported model)."""
    config = folder / f"{name}.yaml"
    config.write_text(json.dumps({"name": name, "data": {"train_file": str(file), "target": target}, "model": {"type": "linear"},
                                  "task": {"type": task}, "trainer": {"epochs": 60, "global_batch_size": 64}}))
    fields = {"trainer__optimizer__lr": 0.05, "trainer__checkpoint__metric": "loss", **fields}
    done = jobs.run("train", config, "--job-dir", folder / name, "--overwrite", *jobs.sets(**fields), expect=expect)
    return done, folder / name / "export" / name


def metric(model, file, name="roc_auc"):
    return json.loads(jobs.run("evaluate", model, file, "--json", "--bootstrap", "2").stdout)["metrics"][name]["value"]


def predicted(model, *arguments, expect=0):
    done = jobs.run("predict", model, *arguments, expect=expect)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def columns_by_name(folder):
    generator = random.Random(1)
    rows = [(generator.gauss(0, 1), generator.gauss(500, 100)) for _ in range(400)]
    rows = [(a, b, int(a + (b - 500) / 1000 > 0)) for a, b in rows]
    file = csv_file(folder / "ab.csv", ["alpha", "b", "y"], rows)
    _, model = trained(folder, "order", file, "y")
    good = metric(model, file)
    assert good > 0.99, good
    turned = csv_file(folder / "ba.csv", ["b", "extra", "y", "alpha"], [(b, 7, y, a) for a, b, y in rows])
    assert metric(model, turned) == good
    said = jobs.run("evaluate", model, turned, "--bootstrap", "2").stderr
    assert "columns that the model does not take: extra" in said, said
    renamed = csv_file(folder / "renamed.csv", ["Alpha", "b", "y"], rows)
    said = jobs.run("evaluate", model, renamed, expect=3).stderr
    assert "lacks the column 'alpha' (is it 'Alpha'?)" in said, said
    # A run that goes on from a checkpoint finds its columns by name too.
    origin = folder / "order/checkpoints" / (folder / "order/checkpoints/best").read_text().strip()
    done, again = trained(folder, "goes_on", turned, "y", trainer__start_from=str(origin), trainer__epochs=1, trainer__optimizer__lr=1e-9)
    assert abs(metric(again, file) - good) < 1e-6, (metric(again, file), good)


def wide_numbers(folder):
    rows = [(1700000000000 + 7 * i, int(i >= 500)) for i in range(1000)]
    file = csv_file(folder / "times.csv", ["ms", "later"], rows)
    for precision in ("float32", "float64"):
        done, model = trained(folder, f"wide_{precision}", file, "later", trainer__precision=precision, trainer__epochs=150,
                              trainer__optimizer__lr=0.2)
        assert "FP64" in done.stderr, done.stderr
        assert metric(model, file) > 0.9999, precision
    port = json.loads((model / "1/manifest.json").read_text())["columns"][0]
    assert port["dtype"] == "float64", port
    assert "TYPE_FP64" in (model / "config.pbtxt").read_text()
    answers, _ = predicted(model, "--csv", file)
    session = onnxruntime.InferenceSession(str(model / "1/model.onnx"))
    raw = numpy.array([[row[0]] for row in rows], numpy.float64)
    found = session.run(["probabilities"], {"numeric": raw})[0]
    assert numpy.abs(found - numpy.array([one["probabilities"] for one in answers])).max() < 1e-5
    try:
        session.run(None, {"numeric": raw.astype(numpy.float32)})
        raise AssertionError("model.onnx took float32")
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument:
        pass
    # Whole numbers that float64 does not hold are refused, with what to do.
    file = csv_file(folder / "nanoseconds.csv", ["ns", "y"], [(1700000000000000001 + i, i % 2) for i in range(40)])
    done, _ = trained(folder, "nanoseconds", file, "y", expect=3)
    assert "beyond 2^53" in done.stderr and "column 'ns'" in done.stderr, done.stderr


def one_word(folder):
    words = ["3", "true", "Zürich", "7.5"]
    rows = [(words[i % 4] if i % 5 else "NA", i % 3, int(i % 4 in (0, 2))) for i in range(300)]
    file = csv_file(folder / "words.csv", "wxy", rows)
    _, model = trained(folder, "words", file, "y", data__features__categorical=["w"], data__missing__categorical="category")

    def answers(values, x=1):
        lines = folder / "rows.jsonl"
        lines.write_text("".join(json.dumps({"w": value, "x": x}, ensure_ascii=False) + "\n" for value in values))
        return [one["probabilities"] for one in predicted(model, "--json-instances", lines)[0]]

    def of_csv(values):
        table = csv_file(folder / "rows.csv", "wx", [(value, 1) for value in values])
        return [one["probabilities"] for one in predicted(model, "--csv", table)[0]]

    def of_parquet(array):
        pyarrow.parquet.write_table(pyarrow.table({"w": array, "x": [1] * len(array)}), folder / "rows.parquet")
        return [one["probabilities"] for one in predicted(model, "--parquet", folder / "rows.parquet")[0]]

    three, yes, zurich, half, missing = answers(["3", "true", "Zürich", "7.5", None])
    assert len({tuple(one) for one in (three, yes, zurich, half, missing)}) >= 3
    assert answers([3, 3.0, "3.0", " 3 "]) == [three] * 4
    assert answers([True, "True", "TRUE"]) == [yes] * 3
    assert answers([" Zürich ", "Zu\u0308rich"]) == [zurich] * 2
    assert answers([7.5, "7.50"]) == [half] * 2
    assert answers(["NA", "", "null", None]) == [missing] * 4
    assert of_csv(["3", "3.0", " 3", "true", "TRUE", " Zürich ", "Zu\u0308rich", "7.50", "NA", ""]) == \
        [three] * 3 + [yes] * 2 + [zurich] * 2 + [half] + [missing] * 2
    assert of_parquet(pyarrow.array([3, None], pyarrow.int32())) == [three, missing]
    assert of_parquet(pyarrow.array([3.0, 7.5], pyarrow.float32())) == [three, half]
    assert of_parquet(pyarrow.array([True])) == [yes]
    assert of_parquet(pyarrow.array(["NA", " Zürich"]).dictionary_encode()) == [missing, zurich]

    # Counted where training did not see them; refused where that is wanted.
    found, said = predicted(model, "--csv", csv_file(folder / "rows.csv", "wx", [("Paris", 1), ("3", 1), ("Rom", 1)]))
    assert len(found) == 3 and "w: 2 values that training did not see, first 'Paris'" in said, said
    table = csv_file(folder / "unseen.csv", "wxy", [("Paris", 1, 0), ("3", 1, 1)])
    assert "w: 1 value that training did not see" in jobs.run("evaluate", model, table, "--bootstrap", "2").stdout
    _, strict = trained(folder, "strict", file, "y", data__features__categorical=["w"], data__missing__categorical="category",
                        data__unseen="error", trainer__epochs=1)
    found, _ = predicted(strict, "--csv", folder / "rows.csv", expect=2)
    assert "training did not see 'Paris'" in found[0]["error"] and "probabilities" in found[1], found

    # The standard input is read as a file is.
    piped = jobs.run("predict", model, "--csv", "-", input="w,x\n3,1\n").stdout
    assert json.loads(piped)["probabilities"] == three

    # Namibia.
    rows = [("NA" if i % 2 else "DE", int(i % 2)) for i in range(100)]
    _, model = trained(folder, "namibia", csv_file(folder / "namibia.csv", "cy", rows), "y", data__features__categorical=["c"],
                       data__csv__missing=["n/a"])
    assert metric(model, folder / "namibia.csv") == 1

    latin = folder / "latin.csv"
    latin.write_bytes("w,y\n".encode() + b"".join(b"caf\xe9,0\nabc,1\n" for _ in range(3)) + "é,1\n".encode() * 40)
    done, _ = trained(folder, "latin", latin, "y", expect=3, data__features__categorical=["w"], data__csv__encoding="utf-8")
    assert "row 1" in done.stderr and "UTF-8" in done.stderr, done.stderr
    assert not (folder / "latin/checkpoints/latest").exists()


def rows_of_other_tools(folder):
    """Index columns, labels that look alike, rows without a target."""
    generator = random.Random(2)
    values = [generator.gauss(0, 1) for _ in range(300)]
    table = pyarrow.table({"a": values, "y": [int(v + generator.gauss(0, 3) > 0) for v in values], "__index_level_0__": list(range(300))})
    pyarrow.parquet.write_table(table, folder / "index.parquet")
    done, model = trained(folder, "index", folder / "index.parquet", "y", trainer__epochs=2)
    assert "index __index_level_0__ left out" in done.stderr, done.stderr
    assert [one["name"] for one in json.loads((model / "1/manifest.json").read_text())["columns"]] == ["a"]

    rows = [("007" if v > 0 else "7", v) for v in values]
    _, model = trained(folder, "labels", csv_file(folder / "labels.csv", "ya", rows), "y")
    assert json.loads((model / "1/manifest.json").read_text())["labels"] == ["007", "7"]

    rows = [("" if i % 10 == 3 else int(v > 0), v) for i, v in enumerate(values)]
    file = csv_file(folder / "truth.csv", "ya", rows)
    done, _ = trained(folder, "truth", file, "y", expect=3)
    assert "row 4 (line 5), column 'y': the target is missing" in done.stderr and "29 more" in done.stderr, done.stderr
    done, model = trained(folder, "truth", file, "y", data__missing__target="drop", trainer__save_predictions=True, trainer__epochs=20)
    assert "30 rows without a target are left out" in done.stderr, done.stderr
    # The rows of predictions.csv are those of the file.
    lines = (folder / "truth/predictions.csv").read_text().splitlines()[1:]
    for line in lines:
        row, target = line.split(",")[:2]
        assert rows[int(row)][0] == float(target), line
    said = jobs.run("evaluate", model, file, expect=3).stderr
    assert "row 4 (line 5), column 'y': the target is missing" in said, said
    done = jobs.run("evaluate", model, file, "--bootstrap", "2", "--drop-missing-target")
    assert "30 rows without a target are left out" in done.stderr and "(270 rows" in done.stdout, done.stderr + done.stdout
    done = jobs.run("retrain", folder / "truth.yaml", "--from", model, "--job-dir", folder / "truth_again",
                    *jobs.sets(data__missing__target="drop", trainer__epochs=1, export__repository=str(folder / "truth_models")), expect=None)
    assert done.returncode in (0, 8) and "held out of the new data" in done.stdout + (folder / "truth_again/retrain_report.md").read_text(), \
        done.stderr


def instants(folder):
    """A point in time is the same numbers in text with an offset, in Parquet with a time zone, and in JSON."""
    zone = datetime.timezone(datetime.timedelta(hours=2))
    times = [datetime.datetime(2024, 1, 1, 0, 30, tzinfo=zone) + datetime.timedelta(hours=7 * i) for i in range(400)]
    rows = [(time.isoformat(sep=" "), int(time.astimezone(datetime.timezone.utc).hour >= 12)) for time in times]
    file = csv_file(folder / "instants.csv", ["when", "y"], rows)
    _, model = trained(folder, "instants", file, "y", data__features__date=["when"])
    moments = pyarrow.array(times, pyarrow.timestamp("us", tz="Europe/Berlin"))
    pyarrow.parquet.write_table(pyarrow.table({"when": moments, "y": [y for _, y in rows]}), folder / "instants.parquet")
    in_utc = folder / "instants.jsonl"
    in_utc.write_text("".join(json.dumps({"when": time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")}) + "\n" for time in times))
    good = metric(model, file)
    assert good > 0.95 and metric(model, folder / "instants.parquet") == good, good
    wanted = [one["probabilities"] for one in predicted(model, "--csv", file)[0]]
    assert [one["probabilities"] for one in predicted(model, "--parquet", folder / "instants.parquet")[0]] == wanted
    assert [one["probabilities"] for one in predicted(model, "--json-instances", in_utc)[0]] == wanted


def every_problem_at_once(folder):
    header = ["n", "w", "late", "y"]
    rows = [(i, f"red{i % 3}", "" if i == 0 else "x", i % 2) for i in range(50)]
    rows[7] = ("", "red", "x", 1)
    file = csv_file(folder / "problems.csv", header, rows)
    done, _ = trained(folder, "problems", file, "y", expect=3)
    said = done.stderr
    for part in ("column 'n': the value is missing", "column 'w': expected a number, got 'red0'", "49 more such values",
                 "column 'late': expected a number, got 'x'", "1 missing"):
        assert part in said, (part, said)
    # The block that it proposes reads the file.
    block = said[said.index("  data:\n"):]
    config = folder / "mended.yaml"
    config.write_text("name: mended\nmodel: {type: linear}\ntrainer: {epochs: 1}\n" + "\n".join(line[2:] for line in block.splitlines()) + "\n")
    jobs.run("train", config, "--job-dir", folder / "mended")


def same_from_a_server(folder):
    """The answers of predict, from v1 and v2 over HTTP and from gRPC, for each way to write a value; what training did not see is counted."""
    import tritonclient.grpc
    base, ways = folder / "words/export", ["3", 3, 3.0, "true", True, " Z\u00fcrich", "Zu\u0308rich", 7.5, "NA", None, "Paris"]
    lines = folder / "rows.jsonl"
    lines.write_text("".join(json.dumps({"w": way, "x": 1}) + "\n" for way in ways))
    wanted = [one["probabilities"] for one in predicted(base / "words", "--json-instances", lines)[0]]
    with serving.Server(base, "--grpc-port", "0") as server:
        server.until(lambda: any("gRPC" in line for line in server.lines))
        v1 = server.ask("/v1/models/words:predict", {"instances": [{"w": way, "x": 1} for way in ways]})
        assert [one["probabilities"] for one in v1["predictions"]] == wanted, v1
        v1 = server.ask("/v1/models/words:predict", {"inputs": {"w": ways, "x": [1] * len(ways)}})
        assert v1["outputs"]["probabilities"] == wanted
        texts = [("NA" if way is None else str(way)) for way in ways]

        def tensors(words, datatype="BYTES"):
            return {"inputs": [{"name": "w", "shape": [len(words)], "datatype": datatype, "data": words},
                               {"name": "numeric", "shape": [len(words), 1], "datatype": "FP32", "data": [1.0] * len(words)}]}

        def of_v2(reply):
            (found,) = [one for one in reply["outputs"] if one["name"] == "probabilities"]
            return numpy.array(found["data"], numpy.float32).reshape(-1, 2).tolist()

        near = numpy.array(wanted, numpy.float32).tolist()
        assert of_v2(server.ask("/v2/models/words/infer", tensors(texts))) == near
        assert of_v2(server.ask("/v2/models/words/infer", tensors([3, 3], "INT64"))) == near[:1] * 2
        assert of_v2(server.ask("/v2/models/words/infer", tensors([3.0, 7.5], "FP64"))) == [near[0], near[7]]
        assert of_v2(server.ask("/v2/models/words/infer", tensors([True], "BOOL"))) == [near[4]]
        (line,) = [line for line in server.lines if "gRPC" in line and "127.0.0.1:" in line]
        client = tritonclient.grpc.InferenceServerClient("127.0.0.1:" + line.split("127.0.0.1:")[-1].split()[0].rstrip(".,;"))
        word = tritonclient.grpc.InferInput("w", [len(ways)], "BYTES")
        word.set_data_from_numpy(numpy.array([text.encode() for text in texts], object))
        number = tritonclient.grpc.InferInput("numeric", [len(ways), 1], "FP32")
        number.set_data_from_numpy(numpy.ones((len(ways), 1), numpy.float32))
        assert client.infer("words", [word, number]).as_numpy("probabilities").tolist() == near
        text = server.ask("/metrics")
        assert 'ringtrain_unseen_values_total{column="w",model="words",version="1"} 4' in text, text

    # A wide column over the wire: float64 as predict has it, float32 refused by name.
    base = folder / "wide_float32/export"
    times = [1700000000000 + 7 * i for i in (0, 499, 500, 999)]
    lines.write_text("".join(json.dumps({"ms": ms}) + "\n" for ms in times))
    wanted = [one["probabilities"] for one in predicted(base / "wide_float32", "--json-instances", lines)[0]]
    with serving.Server(base) as server:
        v1 = server.ask("/v1/models/wide_float32:predict", {"instances": [{"ms": ms} for ms in times]})
        assert [one["probabilities"] for one in v1["predictions"]] == wanted
        tensor = {"name": "numeric", "shape": [4, 1], "datatype": "FP64", "data": times}
        assert of_v2(server.ask("/v2/models/wide_float32/infer", {"inputs": [tensor]})) == numpy.array(wanted, numpy.float32).tolist()
        refused = server.ask("/v2/models/wide_float32/infer", {"inputs": [tensor | {"datatype": "FP32"}]}, expect=400)
        assert "column 'ms' needs more digits than FP32 has" in json.dumps(refused), refused
        assert server.ask("/v2/models/wide_float32")["inputs"][0]["datatype"] == "FP64"
        by_server, _ = predicted("wide_float32", "--json-instances", lines, "--server", f"http://127.0.0.1:{server.port}")
        assert [one["probabilities"] for one in by_server] == wanted


def main():
    with jobs.Folder() as folder:
        for part in (columns_by_name, wide_numbers, one_word, same_from_a_server, rows_of_other_tools, instants,
                     every_problem_at_once):
            part(folder)
    print("columns by name, wide numbers, one word for one value, tables of other tools, instants, every problem at once")


if __name__ == "__main__":
    main()
