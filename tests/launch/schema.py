"""`ringtrain schema infer | validate | diff`, and `data.schema` in training: refused, warned of, quarantined, on one rank and two."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

CONFIG = """name: shop
task: {{type: binary_classification}}
data:
  format: csv
  train_file: {file}
  target: bought
  features: {{numeric: [age, price], categorical: [colour]}}
{schema}model: {{type: mlp, hidden: [4]}}
trainer: {{epochs: 2, global_batch_size: 20, report: false}}
"""


def rows(spoil=False):
    lines = ["id,age,price,colour,bought"]
    for i in range(200):
        age, price, colour = 20 + i % 50, 3.5 + i % 7, ("red", "blue", "green")[i % 3]
        if spoil and i in (10, 20):
            age = (420, "oops")[i // 20]
        if spoil and i == 30:
            colour = "lilac"
        lines.append(f"{i},{age},{price},{colour},{int(i % 50 > 25)}")
    return "\n".join(lines) + "\n"


def config(folder, name, file, extra):
    """With the inferred section, whose on_violation is another one."""
    schema = (folder / "schema.yaml").read_text().split("data:\n")[1]
    text = schema.replace("on_violation: refuse", extra)
    path = folder / f"{name}.yaml"
    path.write_text(CONFIG.format(file=file, schema=text))
    return path


def infer_and_validate(folder, good, spoilt):
    text = jobs.run("schema", "infer", good).stdout
    print(text)
    assert 'name: "age"' in text and "range: [20, 69]" in text and 'domain: ["blue", "green", "red"]' in text, text
    (folder / "schema.yaml").write_text(text)
    assert "missing: 0\n" in text and "-0" not in text, text
    sound = jobs.run("schema", "validate", good, folder / "schema.yaml").stdout
    assert "200 rows" in sound and "5 columns" in sound, sound
    done = jobs.run("schema", "validate", spoilt, "--schema", folder / "schema.yaml", expect=1)
    print(done.stdout)
    for words in ("column 'age': 1 row outside [20, 69]: row 11: 420", "column 'age': 1 row no finite number: row 21: 'oops'",
                  "column 'colour': 1 row none of its 3 words: row 31: 'lilac'", "3 of 200 rows"):
        assert words in done.stdout, (words, done.stdout)
    found = json.loads(jobs.run("schema", "validate", spoilt, "--schema", folder / "schema.yaml", "--json", expect=1).stdout)
    assert found["bad_rows"] == 3 and found["violations"][0]["examples"] == [{"row": 21, "value": "'oops'"}], found
    # A column that is gone, beside what is wrong with others.
    (folder / "gone.csv").write_text("\n".join(line.split(",", 1)[1] for line in spoilt.read_text().splitlines()))
    text = jobs.run("schema", "validate", folder / "gone.csv", "--schema", folder / "schema.yaml", expect=1).stdout
    assert "column 'id': is not in the data" in text and "'lilac'" in text, text


def trained(folder, good, spoilt):
    refuse = config(folder, "refuse", spoilt, "on_violation: refuse")
    for ranks in (1, 2):
        done = jobs.run("train", refuse, "--job-dir", folder / "no", "--ranks", ranks, expect=3)
        assert "row 11: 420" in done.stderr and "'lilac'" in done.stderr and "'oops'" in done.stderr, done.stderr
    named = folder / "named.yaml"
    named.write_text(CONFIG.format(file=spoilt, schema=f"  schema: {{file: {folder / 'schema.yaml'}}}\n"))
    done = jobs.run("train", named, "--job-dir", folder / "no", expect=3)
    assert "row 11: 420" in done.stderr and "'lilac'" in done.stderr, done.stderr
    jobs.run("schema", "diff", folder / "schema.yaml", named)
    done = jobs.run("train", refuse, "--job-dir", folder / "no", *jobs.sets(data__schema__file="schema.yaml"), expect=2)
    assert "not both" in done.stderr, done.stderr
    (folder / "empty.yaml").write_text("data: {schema: {on_violation: warn}}\n")
    done = jobs.run("train", named, "--job-dir", folder / "no", *jobs.sets(data__schema__file=str(folder / "empty.yaml")), expect=2)
    assert "has no data.schema.columns" in done.stderr, done.stderr
    jobs.run("train", config(folder, "kept", good, "on_violation: refuse"), "--job-dir", folder / "kept", "--no-export")
    out = folder / "quarantine.jsonl"
    quarantine = config(folder, "quarantine", spoilt, f"on_violation: quarantine\n    quarantine_file: {out}")
    logs = []
    for ranks in (1, 2):
        job = folder / f"job-{ranks}"
        done = jobs.run("train", quarantine, "--job-dir", job, "--ranks", ranks)
        assert "3 of 200 rows" in done.stderr and str(out) in done.stderr, done.stderr
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        assert [line["row"] for line in lines] == [11, 21, 31], lines
        assert lines[0]["why"] == "column 'age': outside [20, 69]: 420" and lines[2]["values"]["colour"] == "lilac", lines
        out.unlink()
        start = next(json.loads(line) for line in (job / "log.jsonl").read_text().splitlines() if json.loads(line)["event"] == "start")
        assert sum(start["rows"].values()) == 197, start
        logs.append(jobs.losses(job))
    assert all(abs(a - b) < 1e-5 for a, b in zip(*logs)), "two ranks leave out other rows"
    schema = json.loads((folder / "job-1/export/shop/1/schema.json").read_text())
    assert schema["categorical"][0]["vocabulary"] == ["blue", "green", "red"], "lilac was learned"
    return folder / "job-1/export/shop"


def diffs(folder, good, spoilt, model):
    jobs.run("schema", "diff", good, good)
    text = jobs.run("schema", "diff", good, spoilt, expect=1).stdout
    print(text)
    assert "column 'age': its type was whole, is word" in text and "new words: 'lilac'" in text, text
    jobs.run("schema", "diff", good, folder / "schema.yaml")
    jobs.run("schema", "validate", good, "--schema", model)
    text = jobs.run("schema", "validate", spoilt, "--schema", model, expect=1).stdout
    assert "'lilac'" in text and "420" in text, text
    jobs.run("schema", "validate", good, "--schema", folder / "quarantine.yaml")


def refused(folder, good):
    (folder / "odd.yaml").write_text("data:\n  schema:\n    columns:\n      - {name: age, type: nummer}\n      - {name: price, type: number, range: [3, 1]}\n      - {domain: [a]}\n")
    done = jobs.run("schema", "validate", good, "--schema", folder / "odd.yaml", expect=64)
    for words in ("nummer", "smaller one first", "the column's name", "odd.yaml"):
        assert words in done.stderr, (words, done.stderr)
    for words, code, arguments in (
            ("no-such.csv", 3, ("infer", folder / "no-such.csv")),
            ("no data.schema", 64, ("validate", good, "--schema", jobs.SOURCE / "configs/cancer.yaml")),
            ("--schema", 64, ("validate", good)),
            ("NOW", 64, ("diff", good)),
            ("quarantine_file", 2, None)):
        if arguments:
            done = jobs.run("schema", *arguments, expect=code)
        else:
            done = jobs.run("train", config(folder, "nowhere", good, "on_violation: quarantine"), expect=code)
        assert words in done.stderr, (words, done.stderr)


def main():
    with jobs.Folder() as folder:
        good, spoilt = folder / "good.csv", folder / "spoilt.csv"
        good.write_text(rows())
        spoilt.write_text(rows(spoil=True))
        infer_and_validate(folder, good, spoilt)
        model = trained(folder, good, spoilt)
        diffs(folder, good, spoilt, model)
        refused(folder, good)


main()
