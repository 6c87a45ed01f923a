"""Streams whose concept changes: what learns on stays well above the version that does not, after an abrupt change and during a gradual one."""

import json

import online
import streams
from online import jobs

CASES = {
    # name: rows that the version was trained on, then the stream; how much better the learner is at least, over the whole stream
    "sea_abrupt": (lambda: streams.sea(2000, 1, thresholds=(8.0,)), lambda: streams.sea(6000, 2, thresholds=(12.0, 6.0)), 0.05),
    "sea_gradual": (lambda: streams.sea(2000, 1, thresholds=(6.0,)), lambda: streams.sea(6000, 2, thresholds=(9.0, 12.0), gradual=2000), 0.08),
    "plane_gradual": (lambda: (lambda v, y: (v[:1000], y[:1000]))(*streams.hyperplane(12000, 4, turn=1)),
                      lambda: (lambda v, y: (v[2000:10000], y[2000:10000]))(*streams.hyperplane(12000, 4, turn=1)), 0.05),
    "plane_abrupt": (lambda: (lambda v, y: (v[:2000], y[:2000]))(*streams.hyperplane(8000, 5, abrupt=True)),
                     lambda: (lambda v, y: (v[2000:], y[2000:]))(*streams.hyperplane(8000, 5, abrupt=True)), 0.08),
}


def prequential(folder, name, old, new, margin):
    folder = folder / name
    folder.mkdir()
    model = online.first_version(folder, streams.rows_of(*old))
    file = streams.write_csv(folder / "stream.csv", streams.rows_of(*new))
    frozen = json.loads(jobs.run("evaluate", model / "1", file, "--json").stdout)["metrics"]["accuracy"]
    online.learn(folder, file, "job", "--set", "learn.candidate_rows=100000", "--set", "trainer.optimizer.lr=0.02", "--set", "learn.reservoir.share=0.1")
    lines = (folder / "job/metrics.csv").read_text().splitlines()
    learned = float(dict(zip(lines[0].split(","), lines[-1].split(",")))["all_accuracy"])
    print(f"{name}: frozen {frozen:.4f}, learning {learned:.4f}")
    assert learned > frozen + margin, (name, frozen, learned)


def main():
    with jobs.Folder() as folder:
        for name, (old, new, margin) in CASES.items():
            prequential(folder, name, old(), new(), margin)


main()
