"""Columns of words as codes: an embedding, a hash and one-hot side by side. N ranks compute what one rank computes (1e-10 in float64), a
resumed run has the same bits, and predict, the server and ONNX Runtime answer what numpy answers from the checkpoint's tables, for words
that training learned, did not see, saw once, and for missing ones. A column of 100,000 words leaves none of them in schema or export."""

import ctypes
import ctypes.util
import json
import sys
from pathlib import Path

import numpy
import onnxruntime

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
import serving  # noqa: E402

STEPS, BUCKETS = 30, 64
xxhash = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
xxhash.XXH3_64bits.restype = ctypes.c_uint64
xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def write_table(file, rows=600, users=150, seed=3):
    random = numpy.random.default_rng(seed)
    shops = random.integers(0, 12, rows)
    lines = ["amount,color,shop,user,y"]
    for i, shop in enumerate(shops):
        name = "" if i % 20 == 7 else f"once{i}" if i % 30 == 4 else f"Zürich {shop}"
        user = "" if i % 25 == 3 else f"user{random.integers(0, users)}"
        amount = random.normal()
        lines.append(f"{amount:.6f},{'red green blue'.split()[i % 3]},{name},{user},{int(amount + (shop % 3 - 1) > 0)}")
    file.write_text("\n".join(lines) + "\n")
    return file


def configured(folder, name, file, **data):
    config = folder / f"{name}.yaml"
    features = {"categorical": ["color", "shop", "user"], "encodings": {"embedding": ["shop"], "hash": ["user"]}, "buckets": BUCKETS}
    config.write_text(json.dumps({
        "name": name, "seed": 5,
        "data": {"train_file": str(file), "target": "y", "features": features, "missing": {"categorical": "category"}} | data,
        "model": {"type": "mlp", "hidden": [16]}, "task": {"type": "binary_classification"},
        "trainer": {"epochs": 1000, "max_steps": STEPS, "global_batch_size": 37, "precision": "float64", "log_every_steps": 1,
                    "optimizer": {"type": "adamw", "lr": 0.02}, "checkpoint": {"every_steps": 10, "keep": 99, "metric": "loss"},
                    "schedule": {"type": "constant"}}}))
    return config


def train(config, job, *more, ranks=1, expect=0, **settings):
    return jobs.run("train", config, "--ranks", ranks, "--job-dir", job, *more, *jobs.sets(**settings), expect=expect)


def ranks_agree(folder, config):
    for optimizer in ("adamw", "sgd"):
        settings = dict(trainer__optimizer__type=optimizer, trainer__optimizer__lr=0.02 if optimizer == "adamw" else 0.5)
        train(config, folder / f"{optimizer}1", "--no-export", **settings)
        loss, weights = jobs.losses(folder / f"{optimizer}1"), jobs.weights(folder / f"{optimizer}1", STEPS)
        assert loss[-1] < 0.9 * loss[0], (loss[0], loss[-1])
        assert [weights[f"embedding{i}.weight"].shape[0] for i in (0, 1)] == [12 + 2, BUCKETS + 1], weights.keys()
        for code in range(14):  # missing, rare, and the twelve words: all were trained
            assert numpy.abs(weights["embedding0.weight"][code]).max() > 0, code
        for ranks in (2, 3):
            train(config, folder / f"{optimizer}{ranks}", "--no-export", ranks=ranks, **settings)
            others = jobs.weights(folder / f"{optimizer}{ranks}", STEPS)
            worst = max(jobs.relative_difference(others[name], value) for name, value in weights.items())
            worst = max(worst, jobs.relative_difference(jobs.losses(folder / f"{optimizer}{ranks}"), loss))
            assert worst < 1e-10, (optimizer, ranks, worst)
            print(f"{optimizer}: {ranks} ranks differ from one by {worst:.1e}")
    # From step 10 on again, on two ranks: the same bits.
    file = folder / "adamw2/checkpoints" / f"step-{STEPS}" / "model.safetensors"
    bits = file.read_bytes()
    train(config, folder / "adamw2", "--no-export", "--checkpoint", "step-10", ranks=2, trainer__optimizer__type="adamw", trainer__optimizer__lr=0.02)
    assert file.read_bytes() == bits, "other bits after the resume"


def codes_of(column, words):
    if column.get("encoding") == "hash":
        return [1 + xxhash.XXH3_64bits(word.encode(), len(word.encode())) % column["buckets"] if word else 0 for word in words]
    places = {word: place + 2 for place, word in enumerate(column["vocabulary"])} | {"": 0}
    return [places.get(word, 1) for word in words]


def answers_by_hand(job, schema, rows):
    """Probabilities of class 1 for rows (amount, color, shop, user), in numpy."""
    step = (job / "checkpoints/best").read_text().strip().removeprefix("step-")
    weights = jobs.weights(job, step)
    amount = schema["numeric"][0]
    color, shop, user = schema["categorical"]
    x = [[(float(row[0]) - amount["shift"]) * amount["scale"]] + [float(row[1] == word) for word in color["vocabulary"]] for row in rows]
    x = numpy.concatenate([numpy.array(x), weights["embedding0.weight"][codes_of(shop, [row[2] for row in rows])],
                           weights["embedding1.weight"][codes_of(user, [row[3] for row in rows])]], axis=1)
    hidden = numpy.maximum(0, x @ weights["hidden0.weight"].T + weights["hidden0.bias"])
    return 1 / (1 + numpy.exp(-(hidden @ weights["output.weight"].T + weights["output.bias"])))[:, 0]


def answers_are_right(folder, config):
    job = folder / "whole"
    train(config, job)
    model = job / "export/coded"
    schema = json.loads((model / "1/schema.json").read_text())
    assert schema["schema_version"] == 3 and schema["categorical"][2]["vocabulary"] == [], schema
    assert not any(word.startswith("once") for word in schema["categorical"][1]["vocabulary"]), schema
    rows = [(0.5, "red", "Zürich 3", "user7"), (0.5, "red", "Zürich 4", "user7"), (0.5, "red", "once4", "user7"),
            (0.5, "red", "Paris", "user8"), (-1, "blue", "", "user8"), (-1, "blue", "Zürich 0", ""), (2, "green", "", "never seen")]
    wanted = answers_by_hand(job, schema, rows)
    assert wanted[2] != wanted[0] and len({round(float(one), 6) for one in wanted}) == len(wanted), wanted
    names = ("amount", "color", "shop", "user")
    lines = folder / "rows.jsonl"
    lines.write_text("".join(json.dumps(dict(zip(names, row)), ensure_ascii=False) + "\n" for row in rows))
    done = jobs.run("predict", model, "--json-instances", lines)
    found = [json.loads(line)["probabilities"][1] for line in done.stdout.splitlines()]
    assert numpy.abs(numpy.array(found) - wanted).max() < 1e-5, (found, wanted)
    assert "shop: 2 values that training did not see, or saw less than 2 times, first 'once4'" in done.stderr, done.stderr
    table = folder / "rows.csv"
    table.write_text(",".join(names) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    by_csv = [json.loads(line)["probabilities"][1] for line in jobs.run("predict", model, "--csv", table).stdout.splitlines()]
    assert by_csv == found, (by_csv, found)

    with serving.Server(job / "export") as server:
        v1 = server.ask("/v1/models/coded:predict", {"instances": [dict(zip(names, row)) for row in rows]})
        # Not to the last bit: the server computes with one thread a request, predict with all cores.
        served = numpy.array([one["probabilities"][1] for one in v1["predictions"]])
        assert numpy.abs(served - found).max() < 1e-6, (v1, found)
        text = [{"name": name, "shape": [len(rows)], "datatype": "BYTES", "data": [row[i] for row in rows]}
                for i, name in enumerate(names) if i > 0]
        number = {"name": "numeric", "shape": [len(rows), 1], "datatype": "FP32", "data": [float(row[0]) for row in rows]}
        reply = server.ask("/v2/models/coded/infer", {"inputs": [number, *text]})
        (tensor,) = [one for one in reply["outputs"] if one["name"] == "probabilities"]
        assert numpy.abs(numpy.array(tensor["data"]).reshape(-1, 2)[:, 1] - wanted).max() < 1e-5, reply
        # A code in place of a word is one more word, and not taken for a code.
        codes = dict(text[2], datatype="INT64", data=[1] * len(rows))
        server.ask("/v2/models/coded/infer", {"inputs": [number, *text[:2], codes]})
        server.ask("/v2/models/coded/infer", {"inputs": [number, *text[:2], dict(codes, name="user_code")]}, expect=400)

    session = onnxruntime.InferenceSession(str(model / "1/model.onnx"))
    assert {one.name: one.type for one in session.get_inputs()} == {
        "numeric": "tensor(float)", "color": "tensor(string)", "shop": "tensor(string)", "user_code": "tensor(int64)"}
    raw = {"numeric": numpy.array([[row[0]] for row in rows], numpy.float32),
           "color": numpy.array([row[1] for row in rows], object), "shop": numpy.array([row[2] for row in rows], object),
           "user_code": numpy.array(codes_of(schema["categorical"][2], [row[3] for row in rows]), numpy.int64)}
    by_onnx = session.run(["probabilities"], raw)[0][:, 1]
    assert numpy.abs(by_onnx - wanted).max() < 1e-5, (by_onnx, wanted)
    for none in (-1, BUCKETS + 1):
        try:
            session.run(None, raw | {"user_code": numpy.full(len(rows), none, numpy.int64)})
        except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument:
            continue
        raise AssertionError(f"the code {none} was answered")
    assert "do not hash: of 'user'" in (model / "1/manifest.json").read_text()
    said = jobs.run("evaluate", model, folder / "table.csv", "--bootstrap", "2").stdout
    assert "accuracy" in said, said


def others_refuse(folder, config):
    done = train(config, folder / "linear", expect=None, model={"type": "linear"})
    assert done.returncode != 0 and "model.type: linear has no tables for the embedded or hashed columns 'shop', 'user'" in done.stderr, \
        done.stderr
    assert "one_hot" in done.stderr and "model.type: mlp" in done.stderr
    done = train(config, folder / "unseen", expect=None, data__unseen="error")
    assert done.returncode != 0 and "data.unseen: error needs a list of words" in done.stderr, done.stderr


def a_hundred_thousand_words(folder):
    file = write_table(folder / "large.csv", rows=120_000, users=0x7fffffff)
    config = configured(folder, "large", file)
    settings = dict(trainer__max_steps=5, trainer__precision="float32", data__features__buckets=4096)
    train(config, folder / "large", **settings)
    version = folder / "large/export/large/1"
    assert (version / "schema.json").stat().st_size < 30_000  # the profile has a hundred words at most
    assert "user1" not in (version / "model.onnx").read_bytes().decode("latin-1")
    size = (version / "model.pt").stat().st_size
    assert 4097 * 50 * 4 < size < 4097 * 50 * 4 + 200_000, size
    done = train(config, folder / "one_hot", expect=3, data__features__encodings__hash=[])
    assert "column 'user' has more than 10,000 different words" in done.stderr and "encodings: {embedding" in done.stderr, done.stderr


def main():
    with jobs.Folder() as folder:
        config = configured(folder, "coded", write_table(folder / "table.csv"))
        ranks_agree(folder, config)
        answers_are_right(folder, config)
        others_refuse(folder, config)
        a_hundred_thousand_words(folder)
    print("ranks, resume, predict, server, ONNX Runtime, refusals, a hundred thousand words")


if __name__ == "__main__":
    main()
