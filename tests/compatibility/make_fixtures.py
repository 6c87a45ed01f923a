"""Made fixtures-0 once, with ringtrain 0.1.0; kept to show what is in it. usage: make_fixtures.py RINGTRAIN FOLDER

Never run it again on a folder that is in the repository: its files are what an old version wrote. A later format gets a folder of
its own. FOLDER then holds, of five small models:

    NAME.yaml, data/, rows/     configuration, the file that it was trained on, rows to answer in every form
    jobs/NAME/                  the job folder, its last checkpoint
    models/NAME/1/              the export
    answers.json                what the program said about them: old_files.py asks again

words    binary, numbers and words with missing ones, words that look like numbers, minmax
kinds    classes 1.0, 2, 3, from a compressed file
number   regression in float64, not normalised; two ranks, the optimizer's state in parts
letters  a language model on characters
columns  export.inputs: columns, from Parquet
"""

import csv
import gzip
import json
import os
import random
import shutil
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet

sys.path.insert(0, str(Path(__file__).parent))
import asking  # noqa: E402

STEPS = 12

WORDS = """name: words
seed: 3
job_dir: jobs/words
data:
  train_file: data/words.csv
  target: outcome
  features: {numeric: [amount, age, rate], categorical: [city, code, flag], ignore: [id]}
  missing: {numeric: mean, categorical: category}
  normalize: minmax
model: {type: mlp, hidden: [4], activation: gelu, dropout: 0.2}
task: {type: binary_classification, class_weights: balanced, threshold: best_f1}
trainer:
  epochs: 50
  max_steps: 12
  global_batch_size: 32
  log_every_steps: 1
  evaluate_every_steps: 6
  optimizer: {type: adamw, lr: 0.1, weight_decay: 0.01}
  schedule: {type: step, step_size: 5, gamma: 0.5}
  checkpoint: {keep: 1, metric: f1}
export: {repository: models, formats: [torchscript, onnx, savedmodel]}
"""
KINDS = """name: kinds
seed: 4
job_dir: jobs/kinds
data:
  train_file: data/kinds.csv.gz
  target: kind
  features: {categorical: [shape]}
model: {type: mlp, hidden: [4], activation: tanh}
task: {type: classification, class_weights: [1, 2, 1.5]}
trainer:
  epochs: 50
  max_steps: 12
  global_batch_size: 32
  log_every_steps: 1
  evaluate_every_steps: 6
  clip_norm: 1
  optimizer: {type: sgd, lr: 0.1, momentum: 0.9, nesterov: true}
  checkpoint: {keep: 1}
export: {repository: models, formats: [torchscript, onnx, savedmodel]}
"""
NUMBER = """name: number
seed: 5
job_dir: jobs/number
data: {train_file: data/number.csv, target: y, normalize: none, split: {stratify: false}}
model: {type: mlp, hidden: [4], activation: silu}
task: {type: regression, loss: huber}
trainer:
  epochs: 50
  max_steps: 12
  global_batch_size: 32
  precision: float64
  shard_optimizer: true
  log_every_steps: 1
  evaluate_every_steps: 6
  optimizer: {type: adam, lr: 0.01}
  checkpoint: {keep: 1, metric: rmse}
export: {repository: models, formats: [torchscript, onnx]}
"""
LETTERS = """name: letters
seed: 6
job_dir: jobs/letters
data: {format: tokens, train_file: data/letters.bin, split: {train: 0.8, validation: 0.1, test: 0.1}}
model: {type: gpt, layers: 1, heads: 2, width: 8, context: 8}
task: {type: language_model}
trainer:
  epochs: 50
  max_steps: 12
  global_batch_size: 16
  log_every_steps: 1
  evaluate_every_steps: 6
  optimizer: {type: adamw, lr: 0.01}
  checkpoint: {keep: 1, metric: perplexity}
export: {repository: models, formats: [torchscript, onnx]}
"""
COLUMNS = """name: columns
seed: 7
job_dir: jobs/columns
data:
  train_file: data/columns.parquet
  target: good
  features: {categorical: [shop, member, floor]}
  missing: {numeric: mean}
model: {type: linear}
task: {type: binary_classification, threshold: fixed, fixed_threshold: 0.4}
trainer:
  epochs: 50
  max_steps: 12
  global_batch_size: 32
  log_every_steps: 1
  evaluate_every_steps: 6
  optimizer: {type: adamw, lr: 0.02}
  schedule: {type: cosine, warmup_steps: 3}
  checkpoint: {keep: 1}
export: {repository: models, inputs: columns, formats: [torchscript, onnx, savedmodel]}
"""
TEXT = "the quick brown fox jumps over the lazy dog; ein Bär trägt Öl.\n" * 8


def write_csv(file, rows):
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_lines(file, values):
    file.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values))


def words_rows(count, draw):
    rows = []
    for i in range(count):
        amount, city = draw.lognormvariate(3, 1), draw.choice([" Zürich ", "Zürich", "Genève", "NA", "none", "a, \"b\""])
        code, flag = draw.choice(["3", "3.0", "007", "7", ""]), draw.choice(["true", "false", "True"])
        risk = amount / 30 + (city == " Zürich ") + (code == "007") - (flag == "true") + draw.gauss(0, 0.5)
        age = draw.choice(["", "NA", "NaN"]) if draw.random() < 0.1 else str(draw.randrange(18, 90))
        rows.append({"id": f"{i:04}", "amount": f"{amount:.2f}", "age": age, "rate": f" {draw.uniform(0, 1):.3e} ", "city": city, "code": code, "flag": flag,
                     "outcome": "late" if risk > 1.5 else "paid"})
    return rows


def words(folder, draw):
    write_csv(folder / "data/words.csv", words_rows(300, draw))
    rows = words_rows(24, draw)
    rows[2]["city"], rows[3]["code"], rows[4]["code"], rows[5]["flag"] = "Bern", "3.00", " 3", "TRUE"  # never seen
    rows[6]["amount"], rows[7]["amount"], rows[8]["age"] = "1e10", "", "old"  # the last one is refused
    write_csv(folder / "rows/words.csv", rows)
    missing = {"", "NA", "NaN"}
    number = lambda text: None if text.strip() in missing else text if text == "old" else float(text)
    typed = [{key: number(value) if key in ("amount", "age", "rate") else None if value in missing and key != "id" else value for key, value in row.items()} for row in rows]
    write_lines(folder / "rows/words.objects.jsonl", [{key: row[key] for key in row if key != "outcome"} for row in typed])
    order = ["amount", "age", "rate", "city", "code", "flag"]
    write_lines(folder / "rows/words.arrays.jsonl", [[row[key] for key in order] for row in typed])
    table = pyarrow.Table.from_pylist([row | {"age": None if row["age"] == "old" else row["age"]} for row in typed]).select(["id"] + order)
    table = table.set_column(4, "city", table["city"].dictionary_encode()).set_column(2, "age", table["age"].cast(pyarrow.int64()))
    pyarrow.parquet.write_table(table, folder / "rows/words.parquet", row_group_size=10)
    return typed[:3]


def kinds_rows(count, draw):
    rows = []
    for _ in range(count):
        kind = draw.choice(["1.0", "2", "3"])
        x, shape = draw.gauss(float(kind), 0.5), draw.choice(["1.0", "2", "round"])
        rows.append({"x": f"{x:.4f}", "n": str(draw.randrange(-5, 6)), "shape": shape, "kind": kind})
    return rows


def kinds(folder, draw):
    write_csv(folder / "data/kinds.csv", kinds_rows(200, draw))
    with (folder / "data/kinds.csv.gz").open("wb") as file:  # without a time
        file.write(gzip.compress((folder / "data/kinds.csv").read_bytes(), mtime=0))
    (folder / "data/kinds.csv").unlink()
    rows = kinds_rows(12, draw)
    write_csv(folder / "rows/kinds.csv", rows)
    typed = [{"x": float(row["x"]), "n": int(row["n"]), "shape": row["shape"]} for row in rows]
    write_lines(folder / "rows/kinds.objects.jsonl", typed)
    write_lines(folder / "rows/kinds.arrays.jsonl", [list(row.values()) for row in typed])
    table = pyarrow.Table.from_pylist([row | {"kind": float(one["kind"])} for row, one in zip(typed, rows)])
    pyarrow.parquet.write_table(table.set_column(1, "n", table["n"].cast(pyarrow.int8())), folder / "rows/kinds.parquet")
    return typed[:3]


def number_rows(count, draw):
    rows = []
    for _ in range(count):
        a, b = draw.uniform(-2, 2), draw.uniform(0, 1)
        rows.append({"a": repr(a), "b": repr(b), "c": str(draw.randrange(3)), "y": repr(3 * a - b + draw.gauss(0, 0.1))})
    return rows


def number(folder, draw):
    write_csv(folder / "data/number.csv", number_rows(200, draw))
    rows = number_rows(12, draw)
    write_csv(folder / "rows/number.csv", rows)
    typed = [{"a": float(row["a"]), "b": float(row["b"]), "c": int(row["c"])} for row in rows]
    write_lines(folder / "rows/number.objects.jsonl", typed)
    write_lines(folder / "rows/number.arrays.jsonl", [list(row.values()) for row in typed])
    table = pyarrow.Table.from_pylist(typed)
    pyarrow.parquet.write_table(table.set_column(0, "a", table["a"].cast(pyarrow.float32())), folder / "rows/number.parquet")
    return typed[:3]


def letters(folder, run):
    (folder / "data/letters.txt").write_text(TEXT)
    run("generate", "chars", "data/letters.txt", "--output", "data/letters.bin")
    write_lines(folder / "rows/letters.objects.jsonl", [{"text": "the qu"}, {"tokens": [3, 1, 4, 1, 5]}, {"text": "ein Bär trägt Öl und mehr als acht"[:8]}])
    write_lines(folder / "rows/letters.arrays.jsonl", [[5, 6, 7], [1]])
    return [{"text": "the qu"}, {"tokens": [3, 1, 4]}]


def columns_rows(count, draw):
    rows = []
    for _ in range(count):
        size, shop, member, floor = draw.gauss(5, 2), draw.choice(["air", "book", "fuel"]), draw.random() < 0.5, draw.randrange(3)
        rows.append({"size": None if draw.random() < 0.1 else round(size, 3), "visits": draw.randrange(20), "shop": shop, "member": member, "floor": floor,
                     "good": int(size / 2 + (shop == "air") + member - floor + draw.gauss(0, 0.5) > 2)})
    return rows


def columns(folder, draw):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(columns_rows(300, draw)), folder / "data/columns.parquet")
    rows = columns_rows(12, draw)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "rows/columns.parquet", row_group_size=5)
    as_text = [{key: "" if value is None else str(value).lower() if isinstance(value, bool) else value for key, value in row.items()} for row in rows]
    write_csv(folder / "rows/columns.csv", as_text)
    typed = [{"size": row["size"], "visits": row["visits"], "shop": row["shop"], "member": str(row["member"]).lower(), "floor": str(row["floor"])} for row in rows]
    write_lines(folder / "rows/columns.objects.jsonl", typed)
    write_lines(folder / "rows/columns.arrays.jsonl", [list(row.values()) for row in typed])
    return typed[:3]


def requests(name, typed):
    """One of each protocol; version 2 with the model's own inputs."""
    found = [{"path": f"/v1/models/{name}:predict", "body": {"instances": typed}}]
    if name == "letters":
        return found
    tensors = []
    numeric = [key for key in typed[0] if not isinstance(typed[0][key], str) and key != "id"]
    if name == "columns":
        tensors += [{"name": key, "shape": [len(typed), 1], "datatype": "FP32", "data": [row[key] for row in typed]} for key in numeric]
    else:
        tensors.append({"name": "numeric", "shape": [len(typed), len(numeric)], "datatype": "FP32", "data": [row[key] for row in typed for key in numeric]})
    tensors += [{"name": key, "shape": [len(typed)], "datatype": "BYTES", "data": [row[key] for row in typed]} for key in typed[0] if key not in [*numeric, "id", "outcome"]]
    return found + [{"path": f"/v2/models/{name}/infer", "body": {"inputs": tensors}}]


def main():
    program, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    run = asking.runner(program, folder)
    for name in ("data", "rows"):
        (folder / name).mkdir(parents=True)
    draw = random.Random(1)
    configs = {"words": WORDS, "kinds": KINDS, "number": NUMBER, "letters": LETTERS, "columns": COLUMNS}
    typed = {"words": words(folder, draw), "kinds": kinds(folder, draw), "number": number(folder, draw), "letters": letters(folder, run), "columns": columns(folder, draw)}
    for row in typed["words"]:
        del row["id"], row["outcome"]
        row.update({key: "" if key in ("city", "code", "flag") and row[key] is None else 1.5 if row[key] is None else row[key] for key in row})
    for row in typed["columns"]:
        row["size"] = row["size"] or 2.5
    for name, text in configs.items():
        (folder / f"{name}.yaml").write_text(text)
        run("train", f"{name}.yaml", *(["--ranks", "2"] if name == "number" else []))
        shutil.rmtree(folder / "jobs" / name / "logs")
    record = {"program": run("--version").stdout, "machine": asking.machine(program), "steps": STEPS, "models": list(configs),
              "requests": [one for name in configs for one in requests(name, typed[name])]}
    with asking.copy_of(folder) as copy:
        record |= asking.ask(program, copy, record)
    (folder / "answers.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    total = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{total} bytes in {folder}; made on {os.uname().machine}")


main()
