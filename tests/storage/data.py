"""Training, evaluation, init and prediction with data in s3:// and gs://: the same bits as from files, in memory and by blocks, and what is
said where the store fails. The stores stand behind a proxy that breaks connections."""

import csv
import gzip
import io
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import stores  # noqa: E402
import jobs  # noqa: E402


def table(rows=600, seed=1):
    draw = random.Random(seed)
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(["size", "shop", "fraud"])
    for _ in range(rows):
        size, shop = draw.random(), draw.choice(["a", "b", "c"])
        write.writerow([f"{size:.4f}", shop, int(size + (shop == "a") > 0.9)])
    return out.getvalue().encode()


def parquet(content):
    import pyarrow.csv
    import pyarrow.parquet
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(content)), out, row_group_size=200)
    return out.getvalue()


CONFIG = """
name: cards
data: {train_file: nowhere.csv, target: fraud, features: {numeric: [size], categorical: [shop]}}
model: {hidden: [8]}
trainer: {steps: 30, global_batch_size: 32, report: false}
export: {enabled: false}
"""


def train(folder, name, data, *more, expect=0):
    config = folder / "cards.yaml"
    config.write_text(CONFIG)
    done = jobs.run("train", config, "--train-file", data, "--job-dir", folder / name, *more, expect=expect)
    return jobs.losses(folder / name) if expect == 0 else done.stderr


BLOCKS = ("--set", "data.streaming={enabled: true, block_mib: 1, window: 64}")
FORMS = (("cards.csv.gz", ()), ("cards.parquet", ()), ("parts/day=*/part-?.csv", ()), ("cards.csv", BLOCKS), ("cards.parquet", BLOCKS))


def files():
    content = table()
    lines = content.splitlines(True)
    return {"cards.csv": content, "cards.csv.gz": gzip.compress(content), "cards.parquet": parquet(content), "parts/_SUCCESS": b"no table",
            "parts/day=0/part-0.csv": b"".join(lines[:301]), "parts/day=1/part-1.csv": b"".join(lines[:1] + lines[301:])}


def right_losses(folder):
    """Of files of this machine."""
    for name, text in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    found = [train(folder, f"local-{number}", folder / name, *more) for number, (name, more) in enumerate(FORMS)]
    (folder / "other.csv").write_bytes(table(seed=2))
    return found + [train(folder, "local-other", folder / "other.csv", *BLOCKS), train(folder, "local-memory", folder / "cards.csv")]


def same_bits(store, folder, right):
    for name, text in files().items():
        store.put(f"data/{name}", text)
    for number, (name, more) in enumerate(FORMS):
        losses = train(folder, f"run-{number}", store.at(f"data/{name}"), *more)
        assert losses == right[number] and len(losses) == 30, (name, losses[:3], right[number][:3])
    assert any("_ringtrain/cards.csv.index.json" in key for key in store.list("data/")), store.list("data/")
    store.put("data/cards.csv", table(seed=2))  # of the same size: the index belongs to the object of its ETag
    assert train(folder, "other", store.at("data/cards.csv"), *BLOCKS) == right[-2] != right[3]
    print(f"{store.scheme}: the same losses from csv.gz, parquet and a pattern of folders, in memory and by blocks")


def passing_faults(store, folder, right):
    """A cut connection and an answer 503 cost time, not the run."""
    store.put("data/fault.csv", table())
    part = "fault.csv"
    for name, action in (("503", ("status", 503)), ("cut", ("cut", 100))):
        store.proxy.fault = stores.once("GET", part, action)
        assert train(folder, name, store.at("data/fault.csv")) == right[-1], name
    store.proxy.fault = lambda *_: None
    print(f"{store.scheme}: a connection that breaks and an answer 503 change nothing")


def lasting_faults(store, folder, right):
    store.put("data/gone.csv", table(50))
    for place, words in ((store.at("data/none.csv"), ["no such object", "data/none.csv"]), (store.at("x.csv", bucket="nobucket"), ["nobucket"])):
        said = train(folder, "never", place, expect=3)
        assert all(word in said for word in words), said
    store.proxy.fault = lambda method, path: ("status", 403)
    said = train(folder, "never", store.at("data/gone.csv"), expect=3)
    store.proxy.fault = lambda *_: None
    assert "refuses the credentials" in said and "data/gone.csv" in said, said
    assert "testing-secret" not in said and "testing-key" not in said, said
    assert ("AWS_ACCESS_KEY_ID" if store.scheme == "s3" else "GOOGLE_APPLICATION_CREDENTIALS") in said, said
    print(f"{store.scheme}: what is not there, no bucket, no right: said with the place, without the secret")


def commands(store, folder, right):
    store.put("data/cards.csv", table())
    said = jobs.run("init", store.at("data/cards.csv"), "--target", "fraud", "--output", folder / f"{store.scheme}.yaml").stdout
    assert "size" in said and store.at("data/cards.csv") in (folder / f"{store.scheme}.yaml").read_text()
    job = folder / f"{store.scheme}-first"
    jobs.run("train", store.at("data/cards.csv"), "--target", "fraud", "--job-dir", job, "--set", "trainer.steps=20", "--set", "export.name=fraud")
    local = folder / "rows.csv"
    local.write_bytes(table())
    here = jobs.run("predict", job / "export" / "fraud", "--input", local).stdout
    there = jobs.run("predict", job / "export" / "fraud", "--input", store.at("data/cards.csv")).stdout
    assert here == there and len(here.splitlines()) == 600
    jobs.run("evaluate", job / "export" / "fraud", store.at("data/cards.csv"))
    assert "600 rows" in jobs.run("index", store.at("data/cards.csv")).stdout
    print(f"{store.scheme}: init, train FILE, predict, evaluate, index")


with jobs.Folder() as folder:
    right = right_losses(folder)
    for store in stores.both():
        own = folder / store.scheme
        own.mkdir()
        for check in (same_bits, passing_faults, lasting_faults, commands):
            check(store, own, right)
