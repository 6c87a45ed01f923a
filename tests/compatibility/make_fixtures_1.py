"""Made fixtures-1 once, before the release that first wrote such files; kept to show what is in it, as make_fixtures.py.
usage: make_fixtures_1.py RINGTRAIN WINDOWS FOLDER      WINDOWS: the program of examples/windows

coded  columns as codes: an embedding, a hash, beside one-hot and numbers (schema version 3)
sales  data of an own kind with a signature: padded windows, a mask, one value (examples/windows). The plain program answers its
       export; its job is gone on from by tests/launch/own_windows.py, which has the kind
"""

import csv
import json
import random
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import asking  # noqa: E402

STEPS = 12
CODED = """name: coded
seed: 8
job_dir: jobs/coded
data:
  train_file: data/coded.csv
  target: good
  features: {categorical: [color, shop, user], encodings: {embedding: [shop], hash: [user]}, buckets: 8, min_count: 2}
  missing: {categorical: category}
model: {type: mlp, hidden: [4]}
task: {type: binary_classification}
trainer:
  epochs: 50
  max_steps: 12
  global_batch_size: 32
  log_every_steps: 1
  evaluate_every_steps: 6
  optimizer: {type: adamw, lr: 0.02}
  checkpoint: {keep: 1, metric: loss}
export: {repository: models, formats: [torchscript, onnx]}
"""
SALES = """name: sales
seed: 9
job_dir: jobs/sales
data: {format: windows, train_file: data/sales.csv, days: 3}
model: {type: attention, width: 2}
task: {type: regression}
trainer:
  epochs: 50
  max_steps: 12
  global_batch_size: 16
  log_every_steps: 1
  evaluate_every_steps: 6
  optimizer: {type: adamw, lr: 0.01}
  checkpoint: {keep: 1, metric: rmse}
export: {repository: models, formats: [torchscript, onnx]}
"""


def write_csv(file, rows):
    with open(file, "w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write_lines(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def coded_rows(count, draw):
    """Some words are rare, or missing; of the later ones some are new."""
    rows = []
    for _ in range(count):
        shop, color = f"shop {int(draw.expovariate(0.4))}", draw.choice(["red", "green", ""])
        amount = round(draw.uniform(0, 9), 2)
        good = int(amount + 2 * (color == "red") + draw.gauss(0, 1) > 5)
        rows.append({"amount": amount, "color": color, "shop": "" if draw.random() < 0.1 else shop, "user": f"user {draw.randrange(40)}", "good": good})
    return rows


def coded(folder, draw):
    write_csv(folder / "data/coded.csv", coded_rows(160, draw))
    rows = [{key: value for key, value in row.items() if key != "good"} for row in coded_rows(10, draw)]
    rows[0] |= {"shop": "a new one", "user": "nobody"}
    write_csv(folder / "rows/coded.csv", rows)
    write_lines(folder / "rows/coded.objects.jsonl", rows)
    write_lines(folder / "rows/coded.arrays.jsonl", [list(row.values()) for row in rows])
    words = [{"name": name, "shape": [3], "datatype": "BYTES", "data": [row[name] for row in rows[:3]]} for name in ("color", "shop", "user")]
    numbers = {"name": "numeric", "shape": [3, 1], "datatype": "FP32", "data": [row["amount"] for row in rows[:3]]}
    return [{"path": "/v1/models/coded:predict", "body": {"instances": rows[:3]}}, {"path": "/v2/models/coded/infer", "body": {"inputs": [numbers, *words]}}]


def sales(folder, draw):
    days = [{"shop": f"s{shop}", "sales": round(draw.uniform(1, 4), 2), "warmth": round(draw.gauss(0, 1), 2)} for shop in range(10) for _ in range(8)]
    write_csv(folder / "data/sales.csv", days)
    rows = [{"series": [[day["sales"], day["warmth"]] for day in days[:length]], "warmth": 0.25 * length} for length in (3, 1, 0, 2)]
    write_lines(folder / "rows/sales.objects.jsonl", rows)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    padded = [row["series"] + [[0, 0]] * (3 - len(row["series"])) for row in rows]
    known = [[1] * len(row["series"]) + [0] * (3 - len(row["series"])) for row in rows]
    tensors = [{"name": name, "shape": [4, *shape], "datatype": "FP32", "data": data}
               for name, shape, data in (("series", [3, 2], padded), ("known", [3], known), ("warmth", [], columns["warmth"]))]
    return [{"path": "/v1/models/sales:predict", "body": {"instances": rows}}, {"path": "/v1/models/sales:predict", "body": {"inputs": columns}},
            {"path": "/v2/models/sales/infer", "body": {"inputs": tensors}}]


def main():
    program, own, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    for name in ("data", "rows"):
        (folder / name).mkdir(parents=True)
    draw = random.Random(1)
    requests = coded(folder, draw) + sales(folder, draw)
    for name, text, which in (("coded", CODED, program), ("sales", SALES, own)):
        (folder / f"{name}.yaml").write_text(text)
        asking.runner(which, folder)("train", f"{name}.yaml")
        shutil.rmtree(folder / "jobs" / name / "logs")
    record = {"program": asking.runner(program, folder)("--version").stdout, "machine": asking.machine(program), "steps": STEPS,
              "models": ["coded", "sales"], "own": ["sales"], "requests": requests}
    with asking.copy_of(folder) as copy:
        record |= asking.ask(program, copy, record)
        record["going_on"] = {"sales": asking.go_on(own, copy, "sales", STEPS)}
    (folder / "answers.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(f"{sum(file.stat().st_size for file in folder.rglob('*') if file.is_file())} bytes in {folder}")


main()
