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


def same_bits(store, folder):
    content = table()
    packed = gzip.compress(content)
    files = {"cards.csv": content, "cards.csv.gz": packed, "cards.parquet": parquet(content)}
    halves = content.splitlines(True)
    for part, lines in (("0", halves[:301]), ("1", halves[:1] + halves[301:])):
        files[f"parts/day={part}/part-{part}.csv"] = b"".join(lines)
    files["parts/_SUCCESS"] = b"no table"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
        store.put(f"data/{name}", text)
    blocks = ("--set", "data.streaming={enabled: true, block_mib: 1, window: 64}")
    for number, (name, more) in enumerate([("cards.csv", ()), ("cards.csv.gz", ()), ("cards.parquet", ()), ("parts", ()), ("parts/day=*/part-?.csv", ()),
                                           ("cards.csv", blocks), ("cards.parquet", blocks)]):
        here = train(folder, f"local-{number}", folder / name, *more)
        there = train(folder, f"{store.scheme}-{number}", store.at(f"data/{name}"), *more)
        assert here == there and len(here) == 30, (name, here[:3], there[:3])
    assert any("_ringtrain/cards.csv.index.json" in key for key in store.list("data/")), store.list("data/")
    print(f"{store.scheme}: the same losses from csv, csv.gz, parquet, a folder and a pattern, in memory and by blocks")


def changed_between_runs(store, folder):
    """An index belongs to the object of its ETag."""
    blocks = ("--set", "data.streaming={enabled: true, block_mib: 1, window: 64}")
    store.put("data/cards.csv", table(seed=2))
    (folder / "other.csv").write_bytes(table(seed=2))
    assert train(folder, "other", folder / "other.csv", *blocks) == train(folder, f"{store.scheme}-other", store.at("data/cards.csv"), *blocks)
    print(f"{store.scheme}: an object of the same size with other content is read anew")


def passing_faults(store, folder):
    """A cut connection and an answer 503 cost time, not the run; both are said."""
    store.put("data/fault.csv", table())
    (folder / "fault.csv").write_bytes(table())
    right = train(folder, "fault-local", folder / "fault.csv")
    for name, action in (("503", ("status", 503)), ("cut", ("cut", 100)), ("slow", ("slow", 1.5))):
        store.proxy.fault = stores.once("GET", "fault.csv", action)
        assert train(folder, f"{store.scheme}-{name}", store.at("data/fault.csv")) == right, name
    store.proxy.fault = lambda *_: None
    print(f"{store.scheme}: connections that break and answers 503 change nothing")


def lasting_faults(store, folder):
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


def commands(store, folder):
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
    for store in stores.both():
        own = folder / store.scheme
        own.mkdir()
        for check in (same_bits, changed_between_runs, passing_faults, lasting_faults, commands):
            check(store, own)
