"""What the tests of `ringtrain learn` share: a first version, and jobs that go on from it."""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "support"))
import jobs  # noqa: E402
import streams  # noqa: E402

CONFIG = """name: online
seed: 5
data:
  train_file: none.csv
  target: label
  features: {ignore: [user]}
model: {type: mlp, hidden: [16]}
task: {type: binary_classification}
trainer:
  epochs: 10
  global_batch_size: 32
  log_every_steps: 20
  report: false
  optimizer: {type: adam, lr: 0.01}
  checkpoint: {metric: accuracy}
export: {formats: [torchscript]}
learn:
  window_rows: 500
  hold_out_every: 5
  held_out_rows: 400
  candidate_rows: 1000
  checkpoint_steps: 10
  reservoir: {rows: 200, share: 0.25}
  guards: {key: user, key_share: 0.1, key_rows: 400, least_rows: 100}
"""


def first_version(folder, rows, config=CONFIG):
    """Trains version 1 in folder/models/online; returns its folder's parent."""
    (folder / "online.yaml").write_text(config)
    streams.write_csv(folder / "old.csv", rows)
    jobs.run("train", folder / "online.yaml", "--train-file", folder / "old.csv", "--job-dir", folder / "first",
             "--set", f"export.repository={folder / 'models'}")
    return folder / "models/online"


def concept(rows, seed, threshold, noise=0.0):
    return streams.rows_of(*streams.sea(rows, seed, thresholds=(threshold,), noise=noise), seed=seed)


def same_weights(a, b, tolerance=0.0):
    a, b = jobs.tensors(newest(a)), jobs.tensors(newest(b))
    assert a.keys() == b.keys()
    for name, value in a.items():
        difference = jobs.relative_difference(value, b[name])
        assert difference <= tolerance, (name, difference)


def learn_words(folder, stream, job, *words, base="models"):
    return ["learn", folder / "online.yaml", "--from", f"{folder / base / 'online'}@live", "--stream", stream, "--job-dir", folder / job, *words]


def learn(folder, stream, job, *words, base="models", **options):
    return jobs.run(*learn_words(folder, stream, job, *words, base=base), **options)


def start(folder, stream, job, *words, base="models", **options):
    return subprocess.Popen([jobs.RINGTRAIN, *map(str, learn_words(folder, stream, job, *words, base=base))], cwd=jobs.SOURCE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def journal(job):
    return [json.loads(line) for line in (job / "journal.jsonl").read_text().splitlines()]


def entries(job, kind):
    return [entry for entry in journal(job) if entry["kind"] == kind]


def quarantine(job):
    return [json.loads(line) for line in (job / "quarantine.jsonl").read_text().splitlines()]


def newest(job):
    return (job / "checkpoints" / (job / "checkpoints/latest").read_text().strip() / "model.safetensors")


def accuracy(version, file):
    """Of BASE/NAME@live or BASE/NAME/3, on a file whose labels are right."""
    return json.loads(jobs.run("evaluate", version, file, "--json", "--bootstrap", 1).stdout)["metrics"]["accuracy"]["value"]
