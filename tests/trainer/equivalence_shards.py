"""An optimizer whose state is divided over the ranks computes what one on each rank computes: losses and weights of 1 to 4 ranks in
float64 to 1e-9 and losses in float32 to 1e-6. A run goes on from its checkpoint with the same bits on as many ranks, and to 1e-5 on
another number, sharded or not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import equivalence  # noqa: E402
import jobs  # noqa: E402

SHARDED = dict(trainer__shard_optimizer=True)


def same_as_unsharded(folder):
    file = equivalence.config(folder, "mlp", "float64")
    for name, optimizer in equivalence.OPTIMIZERS.items():
        settings = equivalence.MODELS["mlp"] | optimizer
        _, loss, weights = equivalence.train(folder, file, f"{name}-whole", 1, settings)
        for ranks in (1, 2, 3, 4):
            _, other, other_weights = equivalence.train(folder, file, f"{name}-{ranks}", ranks, settings | SHARDED)
            what = f"{name}, sharded over {ranks} ranks"
            equivalence.check(f"{what}: losses", jobs.relative_difference(other, loss), 1e-9)
            for parameter, value in weights.items():
                equivalence.check(f"{what}: {parameter}", jobs.relative_difference(other_weights[parameter], value), 1e-9)
    settings = equivalence.MODELS["mlp"] | equivalence.OPTIMIZERS["adamw"] | dict(trainer__precision="float32")
    for ranks in (2, 3):
        _, loss, _ = equivalence.train(folder, file, f"single-{ranks}", ranks, settings)
        _, other, _ = equivalence.train(folder, file, f"single-{ranks}-sharded", ranks, settings | SHARDED)
        equivalence.check(f"float32, {ranks} ranks: losses", jobs.relative_difference(other, loss), 1e-6)


def files(job, step):
    folder = job / "checkpoints" / f"step-{step}"
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


def resumes(folder):
    settings = dict(trainer__max_steps=30, trainer__log_every_steps=1, trainer__checkpoint__every_steps=10, trainer__checkpoint__keep=9,
                    trainer__clip_norm=0.5, model__dropout=0)

    def train(job, ranks, *more, **others):
        jobs.run("train", "configs/cancer.yaml", "--ranks", ranks, "--job-dir", folder / job, "--no-export", *more,
                 *jobs.sets(**(settings | others)))
        return folder / job

    whole = train("whole", 3, **SHARDED)
    parts = train("parts", 3, **SHARDED)
    train("parts", 3, "--checkpoint", "step-10", **SHARDED)
    assert files(whole, 30) == files(parts, 30), "other bits after the resume"
    print("3 ranks, resumed: the same bits")
    for ranks, others in ((2, SHARDED), (4, SHARDED), (2, {})):
        moved = train(f"moved-{ranks}-{len(others)}", 3, **SHARDED)
        train(f"moved-{ranks}-{len(others)}", ranks, "--checkpoint", "step-10", **others)
        equivalence.check(f"from 3 ranks to {ranks}{'' if others else ', unsharded'}: losses",
                          jobs.relative_difference(jobs.losses(moved), jobs.losses(whole)), 1e-5)
    text = (whole / "log.jsonl").read_text()
    assert "optimizer state: " in text and "1/3 of the whole" in text, text[:500]


def main():
    with jobs.Folder() as folder:
        same_as_unsharded(folder)
        resumes(folder)


main()
