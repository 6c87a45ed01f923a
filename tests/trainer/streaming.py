"""A table in blocks: 1, 2 and 3 ranks learn the same from it, killed in the middle of an epoch they go on to the same bits, a second start
measures nothing again, and what goes wrong with a file is named."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

ROWS, GROUP, BATCH = 6000, 500, 64
CONFIG = """
name: streamed
data:
  train_file: {data}
  target: y
  features: {{categorical: [shop]}}
  missing: {{categorical: category}}
  streaming: {{enabled: true, lanes: 6, window: 90}}
model: {{type: mlp, hidden: [16], dropout: 0.2}}
task: {{type: classification}}
trainer: {{epochs: 2, global_batch_size: {batch}, log_every_steps: 1, evaluate_every_steps: 20,
  precision: float64, checkpoint: {{every_steps: 10, keep: 99}}, early_stopping: {{patience: 99}}}}
"""


def write_data(folder):
    folder.mkdir()
    random = numpy.random.default_rng(5)
    for number in range(2):
        x = random.standard_normal((3, ROWS // 2))
        shop = random.choice(["Oslo", "Rome", "Bern", ""], ROWS // 2)
        y = (x[0] - x[1] * x[2] + (shop == "Rome") + random.standard_normal(ROWS // 2) > 0).astype(numpy.int64)
        table = pyarrow.table({"a": x[0], "b": x[1] * 1e3 + 7, "c": x[2], "shop": shop, "y": y})
        pyarrow.parquet.write_table(table, folder / f"part-{number}.parquet", row_group_size=GROUP)


def train(config, job, ranks, *more, expect=0, **settings):
    return jobs.run("train", config, "--ranks", ranks, "--job-dir", job, "--no-export", *more, *jobs.sets(**settings), expect=expect)


def evaluations(job):
    return [{key: value for key, value in json.loads(line).items() if isinstance(value, (int, float)) and key != "seconds"}
            for line in (job / "log.jsonl").read_text().splitlines() if '"evaluation"' in line]


def indexed(data):
    done = jobs.run("index", data)
    assert f"{ROWS:,} rows in {ROWS // GROUP} blocks of 2 files" in done.stdout, done.stdout
    assert json.loads((data / "_ringtrain/index.json").read_text())["blocks"][5]["first_row"] == 5 * GROUP
    content = done.stdout.split("content ")[1]
    again = jobs.run("index", data)
    assert again.stdout == done.stdout and "finding the blocks" not in again.stderr, again.stderr
    (data / "part-1.parquet").touch()
    assert jobs.run("index", data).stdout.split("content ")[1] == content, "the same content"


def measured_once(config, folder):
    first = train(config, folder / "ranks-1", 1)
    assert "measuring the data" in first.stderr and "12 blocks, 6 lanes, windows of 90 rows" in first.stderr, first.stderr
    done = train(config, folder / "ranks-3", 3)
    assert "measuring the data" not in done.stderr, done.stderr
    print("the index and the measuring are kept")


def same_on_any_ranks(config, folder):
    runs = {}
    for ranks in (1, 2, 3):
        job = folder / f"plain-{ranks}"
        train(config, job, ranks, model__dropout=0, trainer__epochs=1)
        runs[ranks] = numpy.array(jobs.losses(job)), evaluations(job)
    for ranks in (2, 3):
        assert numpy.abs(runs[ranks][0] - runs[1][0]).max() < 1e-11, "other samples in some batch"
        for one, other in zip(runs[1][1], runs[ranks][1], strict=True):
            assert all(abs(one[key] - other[key]) < 1e-9 for key in one), (one, other)
    print(f"{len(runs[1][0])} losses and {len(runs[1][1])} evaluations: the same on 1, 2 and 3 ranks")


def killed(config, folder):
    """SIGKILL of all in the middle of an epoch."""
    job = folder / "killed"
    command = [jobs.RINGTRAIN, "train", str(config), "--ranks", "3", "--job-dir", str(job), "--no-export"]
    process = subprocess.Popen(command, cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    checkpoint = job / "checkpoints" / "step-30"
    deadline = time.time() + 60
    while not checkpoint.exists() and process.poll() is None and time.time() < deadline:
        time.sleep(0.005)
    ranks = subprocess.run(["pgrep", "-f", f"job-dir {job}"], capture_output=True, text=True).stdout.split()
    for pid in ranks:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    steps = sorted(int(path.name[5:]) for path in (job / "checkpoints").glob("step-*"))
    train(config, job, 3, "--resume")
    whole = folder / "ranks-3"
    last = max(int(path.name[5:]) for path in (whole / "checkpoints").glob("step-*"))
    name = f"step-{last}/model.safetensors"
    assert (job / "checkpoints" / name).read_bytes() == (whole / "checkpoints" / name).read_bytes(), "other bits after the resume"
    # On another number of ranks, from the middle of the second epoch.
    train(config, folder / "plain-3", 2, "--checkpoint", "step-40", model__dropout=0, trainer__epochs=1)
    difference = numpy.abs(numpy.array(jobs.losses(folder / "plain-3")) - numpy.array(jobs.losses(folder / "plain-1"))).max()
    assert difference < 1e-9, difference
    print(f"killed at step {steps[-1]} or behind on 3 ranks, resumed to the same bits; on 2 ranks to {difference:.0e}")


def said(config, folder, *more, **settings):
    done = train(config, folder / "fails", 2, "--overwrite", *more, expect=None, **settings)
    assert done.returncode not in (0, None), done.stdout
    return done.stderr


def failures(config, folder, data):
    text = said(config, folder, data__streaming__window=1000000, data__streaming__memory_mib=1)
    assert re.search(r"a window of \d+ fits, or fewer data.streaming.lanes than 6", text), text
    # A file that another program changes in the middle of the run: its size and time stay.
    file = data / "part-1.parquet"
    content, status = file.read_bytes(), file.stat()
    damaged = bytearray(content)
    place = len(content) // 2
    damaged[place:place + 8] = bytes(255 - byte for byte in damaged[place:place + 8])
    file.write_bytes(damaged)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    text = said(config, folder)
    assert re.search(r"part-1.parquet: rows [\d,]+ to [\d,]+ are not those that its index was made of", text), text
    file.write_bytes(content)
    # A column that is of another type in one file.
    other = data / "part-2.parquet"
    table = pyarrow.parquet.read_table(file)
    pyarrow.parquet.write_table(table.set_column(0, "a", pyarrow.array(["x"] * table.num_rows)), other)
    text = said(config, folder)
    assert "part-2.parquet" in text and "column 'a': expected a number" in text, text
    other.unlink()
    print("a window too large, a damaged block, a column of another type: named")


def main():
    with jobs.Folder() as folder:
        data = folder / "data"
        write_data(data)
        config = folder / "streamed.yaml"
        config.write_text(CONFIG.format(data=data, batch=BATCH))
        os.environ["TMPDIR"] = str(folder)
        indexed(data)
        measured_once(config, folder)
        same_on_any_ranks(config, folder)
        killed(config, folder)
        failures(config, folder, data)
        left = list(folder.glob("ringtrain-rows-*"))
        assert not left, left


main()
