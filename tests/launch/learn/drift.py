"""Streams whose concept changes, abruptly, gradually, or back and forth: what learns on is within a point of the best of River's models, or above; the
version that does not falls behind. All with the same settings: those of a linear model that learns fast."""

import drift_cases
import online
import streams
from online import jobs

SETTINGS = ("--set", "trainer.optimizer.type=sgd", "--set", "trainer.optimizer.lr=0.3", "--set", "trainer.global_batch_size=8",
            "--set", "learn.hold_out_every=10", "--set", "learn.reservoir.rows=0", "--set", "learn.candidate_rows=100000",
            "--set", "trainer.log_every_steps=100", "--set", "learn.checkpoint_steps=1000")


def prequential(folder, name, old, new, rivers):
    folder = folder / name
    folder.mkdir()
    model = online.first_version(folder, streams.rows_of(*old), online.CONFIG.replace("{type: mlp, hidden: [16]}", "{type: linear}"))
    file = streams.write_csv(folder / "stream.csv", streams.rows_of(*new))
    frozen = online.accuracy(model / "1", file)
    online.learn(folder, file, "job", *SETTINGS)
    lines = (folder / "job/metrics.csv").read_text().splitlines()
    learned = float(dict(zip(lines[0].split(","), lines[-1].split(",")))["all_accuracy"])
    best = max(rivers, key=rivers.get)
    print(f"{name}: {frozen:.4f} without learning, {learned:.4f} with it; River's best is {rivers[best]:.4f} ({best})", flush=True)
    assert learned > rivers[best] - 0.01 and learned > frozen + 0.05, (name, frozen, learned, rivers)


def main():
    with jobs.Folder() as folder:
        for name, (parts, rivers) in drift_cases.CASES.items():
            prequential(folder, name, *parts(), rivers)


main()
