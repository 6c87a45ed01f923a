"""Streams whose concept changes: what learns on stays well above the version that does not, after an abrupt change and during a gradual one."""

import drift_cases
import online
import streams
from online import jobs

def prequential(folder, name, old, new, margin):
    folder = folder / name
    folder.mkdir()
    model = online.first_version(folder, streams.rows_of(*old))
    file = streams.write_csv(folder / "stream.csv", streams.rows_of(*new))
    frozen = online.accuracy(model / "1", file)
    online.learn(folder, file, "job", "--set", "learn.candidate_rows=100000", "--set", "trainer.optimizer.lr=0.02", "--set", "learn.reservoir.share=0.1")
    lines = (folder / "job/metrics.csv").read_text().splitlines()
    learned = float(dict(zip(lines[0].split(","), lines[-1].split(",")))["all_accuracy"])
    print(f"{name}: frozen {frozen:.4f}, learning {learned:.4f}")
    assert learned > frozen + margin, (name, frozen, learned)


def main():
    with jobs.Folder() as folder:
        for name, (old, new, margin) in drift_cases.CASES.items():
            prequential(folder, name, old(), new(), margin)


main()
