"""data.sampling: how often rows appear in an epoch, on any number of ranks; what it refuses."""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

CONFIG = """
name: drawn
seed: 5
data:
  train_file: {file}
  target: kind
  weight: {weight}
  sampling: {sampling}
  split: {{train: 1, validation: 0, test: 0}}
  features: {{ignore: [often]}}
task: {{type: binary_classification}}
trainer:
  epochs: 1000
  max_steps: {steps}
  global_batch_size: 37
  precision: float64
  log_every_steps: 1
  optimizer: {{type: sgd, lr: 0.1}}
model: {{type: linear}}
export: {{enabled: false}}
"""


def train(folder, name, ranks=1, **settings):
    file = folder / f"{name}.yaml"
    file.write_text(CONFIG.format(**({"file": folder / "rows.csv", "weight": "often", "steps": 20} | settings)))
    jobs.run("train", file, "--ranks", ranks, "--job-dir", folder / name)
    return jobs.losses(folder / name)


def bias_of(folder, name, step):
    return float(next(value for key, value in jobs.weights(folder / name, step).items() if key.endswith("bias")).reshape(-1)[0])


def main():
    with jobs.Folder() as folder:
        # One row in ten is of class 1, and nothing says which: a model learns the share of what it sees.
        rows = "".join(f"{i % 7},{int(i % 10 == 0)},{2 if i % 10 == 0 else 0.5}\n" for i in range(700))
        (folder / "rows.csv").write_text("x,kind,often\n" + rows)
        steps = 600
        for sampling, share in (("all", 2 * 0.1 / (2 * 0.1 + 0.5 * 0.9)), ("balanced", 0.5), ("weight", 0.2 / 0.65)):
            weight = "''" if sampling == "balanced" else "often"
            train(folder, sampling, sampling=sampling, weight=weight, steps=steps)
            expected = math.log(share / (1 - share))
            bias = bias_of(folder, sampling, steps)
            print(f"{sampling}: the bias is {bias:.3f}, the odds that are seen {expected:.3f}")
            assert abs(bias - expected) < 0.25, "another share was seen"
        one = train(folder, "one", sampling="weight")
        for ranks in (2, 3):
            other = train(folder, f"ranks{ranks}", ranks, sampling="weight")
            difference = jobs.relative_difference(other, one)
            print(f"{ranks} ranks: {difference:.1e}")
            assert difference < 1e-9
        for settings, words in ((dict(sampling="weight", weight="''"), "data.weight"), (dict(sampling="most"), "balanced"),
                                (dict(sampling="balanced\n  streaming: {enabled: true}"), "data.streaming")):
            file = folder / "refused.yaml"
            file.write_text(CONFIG.format(**(dict(file=folder / "rows.csv", weight="often", steps=1) | settings)))
            said = jobs.run("train", file, "--job-dir", folder / "refused", expect=2).stderr
            assert "data.sampling" in said and words in said, said


main()
