"""`ringtrain check` as a user calls it: its table, JSON and exit codes on sound and spoilt data, on tokens and several targets; what a training
says of the same; and that it writes nothing."""

import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

CANCER = (jobs.SOURCE / "datasets" / "cancer.csv").read_text().splitlines()
ROWS = Path(__file__).parent / "rows"
QUICK = ("--skip", "baseline,learning_rate,one_batch")


def spoil(folder):
    """cancer.csv with a column that says the diagnosis, and a third of its rows twice."""
    lines = [CANCER[0] + ",biopsy"] + [f"{line},{1 if line.endswith('malignant') else 0}" for line in CANCER[1:]]
    names = lines[0].split(",")
    order = [i for i in range(len(names)) if names[i] != "diagnosis"] + [names.index("diagnosis")]
    kept = [",".join(line.split(",")[i] for i in order) for line in lines + lines[1::3]]
    file = folder / "spoilt.csv"
    file.write_text("\n".join(kept) + "\n")
    return file


def levels(text):
    return {one["what"]: one["level"] for one in json.loads(text)}


def sound(folder):
    done = jobs.run("check", "configs/cancer.yaml", "--set", f"job_dir={folder}/job", expect=None)
    assert done.returncode in (0, 1), done.stderr
    print(done.stdout)
    assert max(len(line) for line in done.stdout.splitlines()) <= 100, done.stdout
    assert ", 0 bad" in done.stdout, done.stdout
    assert done.stdout.count("warning") <= 2, done.stdout  # one, and the sum
    assert not (folder / "job").exists(), "check wrote a job folder"
    # The same, in JSON.
    again = jobs.run("check", "configs/cancer.yaml", "--json", *QUICK, expect=None)
    assert again.returncode in (0, 1), again.stderr
    found = levels(again.stdout)
    assert len(found) == 13 and set(found.values()) <= {"good", "warning", "skipped"}, found


def spoilt(folder):
    file = spoil(folder)
    done = jobs.run("check", "configs/cancer.yaml", "--train-file", file, "--only", "leak,duplicates", "--json", expect=2)
    found = {one["what"]: one for one in json.loads(done.stdout)}
    assert found["leak"]["level"] == "bad" and "'biopsy'" in found["leak"]["value"], found
    assert found["duplicates"]["level"] == "bad" and "equal a training row" in found["duplicates"]["value"], found
    assert "data.features.ignore" in found["leak"]["remedy"], found
    # Every training says what is cheap to see, and goes on.
    run = jobs.run("train", "configs/cancer.yaml", "--train-file", file, "--job-dir", folder / "job", "--no-export", "--ranks", 2,
                   *jobs.sets(trainer__epochs=1))
    said = [line for line in run.stderr.splitlines() if "duplicates: " in line]
    assert len(said) == 1 and "WARN" in said[0] and "equal a training row" in said[0], run.stderr
    calm = jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "calm", "--no-export", *jobs.sets(trainer__epochs=1))
    assert "ringtrain check" not in calm.stderr, calm.stderr


def refused(folder):
    for words, arguments in (
        ("there is no check 'leek'. Did you mean 'leak'?", ("configs/cancer.yaml", "--only", "leek")),
        ("no-such.yaml", ("no-such.yaml",)),
        ("ringtrain init datasets/cancer.csv --target COLUMN", ("datasets/cancer.csv",)),
        ("trainer.epocs", ("configs/cancer.yaml", "--set", "trainer.epocs=3")),
        ("CONFIG", ()),
        ("--no-such", ("configs/cancer.yaml", "--no-such")),
    ):
        done = jobs.run("check", *arguments, expect=64)
        assert words in done.stderr, f"'{words}' is not in:\n{done.stderr}"
    assert "no-such.csv" in jobs.run("check", "configs/cancer.yaml", "--train-file", "no-such.csv", expect=3).stderr


def rates(folder):
    done = jobs.run("lr-range", "configs/cancer.yaml", "--json")
    curve = json.loads(done.stdout)
    assert curve["configured"] == 0.003 and len(curve["curve"]) > 50, curve
    assert all(math.isclose(b["lr"] / a["lr"], (10 / 1e-6) ** (1 / 119), rel_tol=1e-6) for a, b in zip(curve["curve"], curve["curve"][1:]))
    assert 1e-5 < curve["moves"] < curve["advised"] < curve["best"] < 10, curve
    picture = jobs.run("check", "configs/cancer.yaml", "--lr-range")
    print(picture.stdout)
    assert max(len(line) for line in picture.stdout.splitlines()) <= 100 and "advised" in picture.stdout, picture.stdout


def others(folder):
    """Tokens, several targets and labels: what does not apply says so; models are looked at all the same."""
    tokens = folder / "letters.bin"
    text = folder / "letters.txt"
    text.write_text("the quick brown fox jumps over the lazy dog and runs. " * 200)
    jobs.run("generate", "chars", text, "--output", tokens)
    small = ("--set", "model.layers=1", "--set", "model.width=32", "--set", "model.context=16", "--set", "model.heads=2")
    done = jobs.run("check", "configs/gpt_chars.yaml", "--train-file", tokens, *small, "--json", "--skip", "baseline,learning_rate", expect=None)
    found = levels(done.stdout)
    assert found["leak"] == found["drift"] == found["columns"] == "skipped", found
    assert found["inputs"] == found["gradients"] == found["start_loss"] == found["independence"] == found["evaluation"] == "good", done.stdout
    films = folder / "films.yaml"
    films.write_text(json.dumps(dict(
        name="films", job_dir=str(folder / "films"), model=dict(type="mlp", hidden=[16]),
        data=dict(train_file=str(ROWS / "movies_1200.csv"), target=["Action", "Comedy", "Drama"],
                  features=dict(categorical=["mpaa"], ignore=["Animation", "Documentary", "Romance", "Short"]),
                  missing=dict(categorical="category")),
        task=dict(type="multilabel_classification"))))
    assert levels(jobs.run("check", films, "--json", *QUICK, expect=None).stdout)["labels"] == "skipped"


def main():
    with jobs.Folder() as folder:
        for part in (sound, spoilt, refused, rates, others):
            part(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
