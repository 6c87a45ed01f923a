"""A loss that is not finite: by default the job ends with the step, the rank, the rows of the data file and the first bad parameter; with
trainer.non_finite: skip such steps are left out, up to a limit, and the weights stay finite and equal on all ranks."""

import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402


def spoilt_data(file, rows_to_spoil):
    """A regression of three columns; the spoilt rows have targets whose squares do not fit into a float."""
    generator = numpy.random.default_rng(5)
    lines = ["a,b,c,y"]
    for row in range(400):
        a, b, c = generator.normal(size=3)
        y = 3e38 if row in rows_to_spoil else a - 2 * b + 0.5 * c
        lines.append(f"{a:.6f},{b:.6f},{c:.6f},{y:.6g}")
    file.write_text("\n".join(lines) + "\n")


def config(folder, data):
    file = folder / "config.yaml"
    file.write_text(f"""
name: spoilt
data:
  train_file: {data}
  target: y
  split: {{train: 0.8, validation: 0.1, test: 0.1, stratify: false}}
model: {{type: linear}}
task: {{type: regression, scale_target: false}}
trainer:
  epochs: 3
  global_batch_size: 40
  log_every_steps: 1
export: {{enabled: false}}
""")
    return file


def main():
    with jobs.Folder() as folder:
        # Row 7 may be in another part; the test finds one of the training part by trying.
        for row in range(5, 30):
            spoilt_data(folder / "data.csv", {row})
            file = config(folder, folder / "data.csv")
            stopped = jobs.run("train", file, "--ranks", 2, "--job-dir", folder / f"stop-{row}", expect=None)
            if stopped.returncode != 0:
                break
        print(stopped.stderr[-700:])
        assert stopped.returncode == 7, stopped.stderr
        said = [line for line in stopped.stderr.splitlines() if line.startswith("ringtrain:")]
        assert len(said) == 1, said
        for text in ("at step ", "rank ", "of 2", f"data rows {row} (0 is the first)", "the first parameter with such a gradient is", "trainer.non_finite: skip"):
            assert text in said[0], (text, said[0])
        assert not list((folder / f"stop-{row}/checkpoints").glob("step-*"))

        # Left out: one of the 8 steps of each epoch.
        skipped = jobs.run("train", file, "--ranks", 2, "--job-dir", folder / "skip", "--set", "trainer.non_finite=skip")
        assert skipped.stderr.count("is left out, its loss is not finite") == 3, skipped.stderr
        assert f"data rows {row} (0 is the first)" in skipped.stderr
        step = max(int(path.name.split("-")[1]) for path in (folder / "skip/checkpoints").glob("step-*"))
        for name, tensor in jobs.weights(folder / "skip", step).items():
            assert numpy.isfinite(tensor).all(), name

        spoilt_data(folder / "data.csv", set(range(0, 400, 3)))
        limited = jobs.run("train", file, "--ranks", 2, "--job-dir", folder / "limit", "--set", "trainer.non_finite=skip",
                           "--set", "trainer.max_skipped_steps=4", expect=7)
        assert "5 steps in a row gave a loss or a gradient that is not finite (trainer.max_skipped_steps: 4)" in limited.stderr, limited.stderr
        print("skip: left out, and limited")


main()
