"""`ringtrain predict` on files of every form, on folders, by several processes, through a server: the same answers, in order."""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server  # noqa: E402

ROWS = 3000
SHOPS = ["air", "book", "café, \"old\"", "fuel"]


def write_training_file(folder):
    draw = random.Random(4)
    lines = ["id,amount,hour,shop,fraud"]
    for i in range(1200):
        shop = draw.choice(["air", "book", "fuel"])
        amount, hour = draw.lognormvariate(3, 1), draw.randrange(24)
        lines.append(f"t{i},{amount:.3f},{hour},{shop},{int(amount > 60 and shop == 'air' or draw.random() < 0.05)}")
    (folder / "train.csv").write_text("\n".join(lines) + "\n")


def train(folder):
    write_training_file(folder)
    jobs.run("train", "configs/cancer.yaml", "--train-file", folder / "train.csv", "--job-dir", folder / "job",
             *jobs.sets(name="shops", data__target="fraud", trainer__epochs=3, data__features__categorical=["shop"], data__features__ignore=["id"]))
    return folder / "job/export/shops"


def make_rows():
    draw = random.Random(9)
    return [{"id": f"{i:05}", "amount": round(draw.lognormvariate(3, 1), 3), "hour": draw.randrange(24), "shop": draw.choice(SHOPS), "note": "x"} for i in range(ROWS)]


def as_csv(rows):
    def text(value):
        value = str(value)
        return '"' + value.replace('"', '""') + '"' if '"' in value or "," in value else value
    return "\n".join([",".join(rows[0])] + [",".join(text(value) for value in row.values()) for row in rows]) + "\n"


def as_jsonl(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_forms(folder, rows):
    """The rows in every form; those of folders in three files."""
    (folder / "rows.csv").write_text(as_csv(rows))
    (folder / "rows.jsonl").write_text(as_jsonl(rows))
    (folder / "rows.csv.gz").write_bytes(gzip.compress(as_csv(rows).encode()))
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress(as_jsonl(rows).encode()))
    table = pyarrow.Table.from_pylist(rows)
    pyarrow.parquet.write_table(table, folder / "rows.parquet", row_group_size=700)
    narrow = table.set_column(1, "amount", table["amount"].cast(pyarrow.float32())).set_column(3, "shop", table["shop"].dictionary_encode())
    pyarrow.parquet.write_table(narrow.append_column("many", pyarrow.array([[1, 2]] * ROWS)).select(["many", "shop", "hour", "amount", "id"]), folder / "narrow.parquet",
                                compression="zstd")
    mixed = folder / "mixed"
    (mixed / "b").mkdir(parents=True)
    (mixed / "a.csv").write_text(as_csv(rows[:1001]))
    pyarrow.parquet.write_table(table.slice(1001, 999), mixed / "b" / "a.parquet")
    (mixed / "c.jsonl").write_text(as_jsonl(rows[2000:]))
    (mixed / "_SUCCESS").write_text("")
    (mixed / ".c.jsonl.crc").write_text("?")
    return ["rows.csv", "rows.jsonl", "rows.csv.gz", "rows.jsonl.gz", "rows.parquet", "narrow.parquet", "mixed"]


def predict(model, *arguments, processes=1, expect=0):
    command = [jobs.RINGTRAIN, "predict", str(model), *map(str, arguments)]
    if processes > 1:
        command = ["mpirun", "--oversubscribe", "-np", str(processes), *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=jobs.SOURCE, timeout=100)
    assert done.returncode == expect, (command, done.returncode, done.stderr[-2000:])
    return done


def answers(model, *arguments, **options):
    return [json.loads(line) for line in predict(model, "--drop", "note", "--key", "id", *arguments, **options).stdout.splitlines()]


def compare(found, expected, what):
    assert [one["key"] for one in found] == [one["key"] for one in expected], what
    worst = max(abs(p - q) for a, b in zip(found, expected, strict=True) for p, q in zip(a["probabilities"], b["probabilities"], strict=True))
    assert worst < 1e-5 and all(a["class"] == b["class"] and a["label"] == b["label"] for a, b in zip(found, expected, strict=True)), (what, worst)


def forms_and_processes(model, folder, rows):
    forms = write_forms(folder, rows)
    expected = answers(model, "--input", folder / "rows.jsonl")
    assert [one["key"] for one in expected] == [row["id"] for row in rows]
    assert len({tuple(one["probabilities"]) for one in expected}) > ROWS / 2
    for form in forms:
        compare(answers(model, "--input", folder / form), expected, form)
        if form in ("rows.jsonl", "rows.csv.gz", "rows.parquet", "mixed"):
            compare(answers(model, "--input", folder / form, "--batch-size", 64, processes=3), expected, form + " by 3 processes")
    both = answers(model, "--input", folder / "rows.csv", folder / "rows.parquet", processes=2)
    compare(both, expected * 2, "two files")
    # The bits do not depend on the form or the number of processes while the batches are the same.
    one = predict(model, "--input", folder / "rows.csv", "--batch-size", 100).stdout
    assert one == predict(model, "--input", folder / "rows.csv", "--batch-size", 100, processes=4).stdout
    assert one == predict(model, "--input", folder / "rows.parquet", "--batch-size", 100).stdout
    table = predict(model, "--input", folder / "rows.csv", "--key", "id", "--output", "csv", processes=2).stdout.splitlines()
    assert table[0] == "id,class,label,p_0,p_1,error" and len(table) == ROWS + 1 and table[1].startswith("00000,")
    return expected


def a_server_says_the_same(model, folder, expected):
    (folder / "tokens").write_text("secret\n")
    with Server(model.parent, "--token-file", folder / "tokens") as server:
        there = ["--server", f"http://127.0.0.1:{server.port}", "--token-file", folder / "tokens"]
        compare(answers("shops", "--input", folder / "rows.parquet", *there), expected, "server")
        compare(answers("shops/1", "--input", folder / "mixed", *there, processes=2), expected, "server, 2 processes")
        assert "Did you mean 'shops'" in predict("shop", "--input", folder / "rows.csv", *there, expect=3).stderr
        refused = predict("shops", "--input", folder / "rows.csv", "--server", there[1], expect=3).stderr
        assert "token" in refused, refused
    gone = predict("shops", "--input", folder / "rows.csv", *there, expect=3).stderr
    assert "does not answer" in gone and "ringtrain serve" in gone, gone
    # A small limit: batches are halved until they fit.
    with Server(model.parent, "--set", "limits.body_bytes=4000") as server:
        compare(answers("shops", "--input", folder / "rows.csv", "--server", f"http://127.0.0.1:{server.port}"), expected, "small bodies")


def errors_stand_in_their_lines(model, folder, rows):
    bad = [dict(row) for row in rows[:30]]
    bad[3]["amount"] = None
    bad[7]["hour"] = "noon"
    (folder / "bad").mkdir()
    (folder / "bad/a.jsonl").write_text(as_jsonl(bad) + "{\n")
    (folder / "bad/b.csv").write_text(as_csv(bad[:8]).replace("None", "") + "1,2\n")
    for processes in (1, 2):
        done = predict(model, "--input", folder / "bad", "--drop", "note", "--key", "id", "--batch-size", 4, processes=processes, expect=2)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        wrong = {i: one["error"] for i, one in enumerate(lines) if "error" in one}
        assert list(wrong) == [3, 7, 30, 34, 38, 39], wrong
        assert "bad/a.jsonl, row 4: field 'amount': missing value" in wrong[3] and "row 8: field 'hour': expected a number, got \"noon\"" in wrong[7], wrong
        assert "row 31: not JSON" in wrong[30] and "bad/b.csv, row 9 (line 10) has 2 fields" in wrong[39], wrong
        assert lines[3]["key"] == "00003" and "6 of 40 rows could not be answered" in done.stderr, done.stderr


def bad_input_is_named(model, folder):
    def says(text, *arguments, expect=3, **options):
        stderr = predict(model, *arguments, expect=expect, **options).stderr
        assert stderr.count(text) == 1, (text, stderr)

    (folder / "few.csv").write_text("id,amount\n1,2\n")
    (folder / "rows.txt").write_text("1\n")
    (folder / "empty").mkdir()
    (folder / "damaged.parquet").write_bytes((folder / "rows.parquet").read_bytes()[:-9])
    wrong = pyarrow.table({"amount": [[1.5]], "hour": [1], "shop": ["air"]})
    pyarrow.parquet.write_table(wrong, folder / "wrong.parquet")
    for processes in (1, 2):
        says("lacks columns 'hour', 'shop' that the model takes; it has: id, amount", "--input", folder / "rows.csv", folder / "few.csv", processes=processes)
        says("there is no such file", "--input", folder / "none.csv", processes=processes)
    says("does not tell its form", "--input", folder / "rows.txt")
    says("holds no files", "--input", folder / "empty")
    says("damaged.parquet failed", "--input", folder / "damaged.parquet", processes=2)
    says("column 'amount': expected numbers, but it is of type list", "--input", folder / "wrong.parquet", processes=2)
    says("lacks the column 'number' (--key)", "--input", folder / "rows.csv", "--key", "number")
    says("the standard input reaches rank 0 alone", "--json-instances", "-", processes=2, expect=2)
    says("is no server", "--csv", folder / "rows.csv", "--server", "localhost:1", expect=2)
    full = subprocess.run([jobs.RINGTRAIN, "predict", str(model), "--input", str(folder / "rows.csv")], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE, text=True, check=False)
    assert full.returncode == 1 and "cannot be written" in full.stderr, full


def a_file_is_written_whole_or_not(model, folder, expected):
    out = folder / "answers.jsonl"
    predict(model, "--input", folder / "rows.parquet", "--key", "id", "--output-file", out, processes=2)
    compare([json.loads(line) for line in out.read_text().splitlines()], expected, "output file")
    before = out.read_bytes()
    cut = folder / "cut.csv.gz"
    cut.write_bytes((folder / "rows.csv.gz").read_bytes()[:-3000])
    done = predict(model, "--input", cut, "--output-file", out, "--batch-size", 50, expect=3)
    assert "cut.csv.gz" in done.stderr and out.read_bytes() == before and not list(out.parent.glob("answers.jsonl.*")), done.stderr


def memory_of(*command):
    """The largest resident memory of a process, in MiB, and what it wrote to the standard error."""
    process = subprocess.Popen([jobs.RINGTRAIN, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, said
    return usage.ru_maxrss / 1024, said


def memory_stays(model, folder, rows):
    text = as_csv(rows)
    header, body = text.split("\n", 1)
    for name, times in (("small", 4), ("large", 200)):
        with (folder / f"{name}.csv").open("w") as file:
            file.write(header + "\n")
            for _ in range(times):
                file.write(body)
    draw = pyarrow.Table.from_pylist(rows)
    with pyarrow.parquet.ParquetWriter(folder / "large.parquet", draw.schema) as writer:
        writer.write_table(pyarrow.concat_tables([draw] * 200))  # one group of 600,000 rows
    small, _ = memory_of("predict", model, "--input", folder / "small.csv")
    large, said = memory_of("predict", model, "--input", folder / "large.csv")
    parquet, _ = memory_of("predict", model, "--input", folder / "large.parquet")
    print(f"memory: {small:.0f} MiB for {4 * ROWS:,} rows, {large:.0f} for {200 * ROWS:,}, {parquet:.0f} as Parquet")
    if "ASAN_OPTIONS" not in os.environ:  # sanitizers keep what is freed
        assert large < small + 40 and parquet < small + 80
    assert "MiB" in said, said  # how far it has come


def main():
    with jobs.Folder() as folder:
        model = train(folder)
        rows = make_rows()
        expected = forms_and_processes(model, folder, rows)
        errors_stand_in_their_lines(model, folder, rows)
        bad_input_is_named(model, folder)
        a_file_is_written_whole_or_not(model, folder, expected)
        a_server_says_the_same(model, folder, expected)
        memory_stays(model, folder, rows)
        shutil.rmtree(folder / "job")
    print("every form, every number of processes and a server give the same answers")


main()
