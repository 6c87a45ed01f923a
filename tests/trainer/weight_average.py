"""trainer.average against the same averages of a plain PyTorch loop's weights: 50 steps in float64 to 1e-9, on 1, 2 and 3 ranks, the
optimizer whole or divided, with groups that are frozen for a time; resumed in the middle to the same bits; what is evaluated and
exported is the average."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import equivalence  # noqa: E402
import jobs  # noqa: E402
import numpy  # noqa: E402

SETTINGS = equivalence.MODELS["mlp"] | equivalence.OPTIMIZERS["adamw"]
AVERAGES = {
    "ema": dict(trainer__average__type="ema", trainer__average__decay=0.9, trainer__average__warm_up=False),
    "ema, warm-up": dict(trainer__average__type="ema", trainer__average__decay=0.9),
    "swa": dict(trainer__average__type="swa", trainer__average__start_step=20, trainer__average__every_steps=3),
}
RANKS = {"ema": ((1, False), (3, True)), "ema, warm-up": ((2, False),), "swa": ((1, False), (2, True))}


def expected(name, trajectory):
    """Of the weights after step 0, 1, ...; PyTorch's formulas (torch.optim.swa_utils)."""
    if name == "swa":
        return numpy.mean(trajectory[20::3], axis=0)
    average = trajectory[0]
    for step, weights in enumerate(trajectory[1:], 1):
        decay = min(0.9, (1 + step) / (10 + step)) if "warm-up" in name else 0.9
        average = decay * average + (1 - decay) * weights
    return average


def files(job, step):
    folder = job / "checkpoints" / f"step-{step}"
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


def test_loss(job):
    (manifest,) = job.glob("export/*/*/manifest.json")
    return json.loads(manifest.read_text())["metrics"]["loss"]


def main():
    with jobs.Folder() as folder:
        file = equivalence.config(folder, "mlp", "float64")
        every = dict(trainer__checkpoint__every_steps=1, trainer__checkpoint__keep=99)
        plain, loss, last = equivalence.train(folder, file, "plain", 1, SETTINGS | every)
        trajectory = {name: [jobs.weights(plain, step)[name] for step in range(equivalence.STEPS + 1)] for name in last}
        for name, average in AVERAGES.items():
            for ranks, sharded in RANKS[name]:
                settings = SETTINGS | average | dict(trainer__shard_optimizer=sharded, trainer__checkpoint__every_steps=10)
                job, other_loss, weights = equivalence.train(folder, file, f"{name}-{ranks}", ranks, settings)
                what = f"{name}, {ranks} ranks{', sharded' if sharded else ''}"
                equivalence.check(f"{what}: losses of training", jobs.relative_difference(other_loss, loss), 1e-9)
                state = jobs.tensors(job / "checkpoints" / f"step-{equivalence.STEPS}" / "optimizer.safetensors")
                for parameter, steps in trajectory.items():
                    equivalence.check(f"{what}: {parameter}", jobs.relative_difference(weights[parameter], expected(name, steps)), 1e-9)
                    equivalence.check(f"{what}: {parameter} of training", jobs.relative_difference(state[f"average/{parameter}"], steps[-1]), 1e-9)
            whole = files(job, equivalence.STEPS)
            for step in (10, 30):
                jobs.run("train", file, "--ranks", ranks, "--job-dir", job, "--checkpoint", f"step-{step}", *jobs.sets(**settings))
                assert files(job, equivalence.STEPS) == whole, f"{name}: other bits after the resume from step {step}"

        # A group that is trained from step 20 on has its initial weights in the average until then.
        groups = [{"match": "hidden1.*", "freeze_until": 20}]
        job, _, weights = equivalence.train(folder, file, "thawed", 2, SETTINGS | AVERAGES["ema"] | every | dict(trainer__optimizer__groups=groups))
        assert (jobs.weights(job, 20)["hidden1.weight"] == jobs.weights(job, 0)["hidden1.weight"]).all()
        raw, _, _ = equivalence.train(folder, file, "thawed-raw", 1, SETTINGS | every | dict(trainer__optimizer__groups=groups))
        for parameter in last:
            steps = [jobs.weights(raw, step)[parameter] for step in range(equivalence.STEPS + 1)]
            equivalence.check(f"thawed: {parameter}", jobs.relative_difference(weights[parameter], expected("ema", steps)), 1e-9)

        # Another kind of average is another experiment; and what is exported is the average.
        done = jobs.run("train", file, "--job-dir", job, "--resume", *jobs.sets(**SETTINGS), expect=None)
        assert done.returncode != 0 and "trainer.average.type" in done.stderr, done.stderr
        settings = AVERAGES["ema"] | dict(trainer__max_steps=60, trainer__average__decay=0.99, export__from="last")
        jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "averaged", *jobs.sets(**settings))
        still = dict(trainer__max_steps=1, trainer__optimizer__lr=1e-12, export__from="last",
                     trainer__start_from=str(folder / "averaged" / "checkpoints" / "step-60"))
        jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "still", *jobs.sets(**still))
        jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "raw", *jobs.sets(trainer__max_steps=60, export__from="last"))
        losses = {job: test_loss(folder / job) for job in ("averaged", "still", "raw")}
        print(f"test loss of what is exported: {losses}")
        assert abs(losses["averaged"] - losses["still"]) < 1e-6 and abs(losses["averaged"] - losses["raw"]) > 1e-3, losses


main()
