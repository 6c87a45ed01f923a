"""Training in 16 bits, or with gradients that travel in 16 bits: as good as in float32 on real data; dynamic loss scaling; resuming.

usage: precision.py quality|scaling|wire
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402


def train(job, ranks, *more, expect=0, **settings):
    return jobs.run("train", "configs/cancer.yaml", "--ranks", ranks, "--job-dir", job, "--no-export", *more,
                    *jobs.sets(**settings), expect=expect)


def log(job):
    return [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]


def quality(folder):
    """bfloat16 and float16 reach float32's ROC-AUC to 0.01, weights stay float32."""
    found = {}
    for precision in ("float32", "bfloat16", "float16"):
        job = folder / precision
        train(job, 2, trainer__precision=precision)
        test = next(line for line in log(job) if line["event"] == "evaluation" and line["part"] == "test")
        found[precision] = (test["roc_auc"], test["loss"])
        print(f"{precision}: ROC-AUC {test['roc_auc']:.4f}, loss {test['loss']:.4f}")
        last = max(int(path.name[5:]) for path in (job / "checkpoints").glob("step-*"))
        assert all(value.dtype == "float32" for value in jobs.weights(job, last).values())
        scales = {line.get("loss_scale") for line in log(job) if line["event"] == "step"}
        assert scales == ({65536} if precision == "float16" else {None}), scales
    for precision in ("bfloat16", "float16"):
        assert abs(found[precision][0] - found["float32"][0]) <= 0.01, precision
        assert found[precision][1] != found["float32"][1], "it was not computed in 16 bits"


# A sample's gradient at the logit is at most its weight, times scale / batch: beyond 65504 at first.
HEAVY = dict(trainer__precision="float16", task__class_weights=["400", "400"], trainer__log_every_steps=1, trainer__max_steps=60,
             trainer__checkpoint__every_steps=1, trainer__checkpoint__keep=99, model__dropout=0.3)


def files(job, step):
    folder = job / "checkpoints" / f"step-{step}"
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


def scaling(folder):
    whole, parts = folder / "whole", folder / "parts"
    train(whole, 2, **HEAVY)
    steps = [line for line in log(whole) if line["event"] == "step"]
    notes = [line for line in log(whole) if line["event"] == "note" and "is left out" in line["text"]]
    skipped = [line["step"] for line in notes]
    print(f"skipped steps {skipped}, scale at the end {steps[-1]['loss_scale']:.0f}")
    assert skipped and skipped[0] == 1, "the first step overflows"
    scale = 65536.0
    for line in steps:
        assert line["loss_scale"] == scale, line
        if line["step"] in skipped:
            scale /= 2
    first = next(step for step in range(1, 60) if step not in skipped)
    start = jobs.weights(whole, 1)
    assert all((jobs.weights(whole, first - 1)[name] == start[name]).all() for name in start), "a skipped step changed weights"
    assert any((jobs.weights(whole, first)[name] != start[name]).any() for name in start), "a good step changed nothing"
    assert jobs.losses(whole)[-1] < 0.7 * jobs.losses(whole)[0], "it does not learn"

    # From the middle of the skipping and on: the same bits.
    train(parts, 2, **HEAVY)
    train(parts, 2, "--checkpoint", f"step-{skipped[len(skipped) // 2]}", **HEAVY)
    assert files(whole, 60) == files(parts, 60), "other bits after the resume"
    print(f"resumed after step {skipped[len(skipped) // 2]}: the same bits")

    done = train(folder / "hopeless", 2, expect=7, **(HEAVY | dict(task__class_weights=["1e12", "1e12"])))
    assert done.stderr.count("not finite at any loss scale") == 1 and "trainer.precision: bfloat16" in done.stderr, done.stderr
    print("ends where no scale helps:", done.stderr.strip().splitlines()[-1][:120])


def wire(folder):
    """Gradients that travel between hosts as 16 bits (each rank stands for a host) reach float32's ROC-AUC to 0.01."""
    found = {}
    for dtype in ("float32", "bfloat16", "float16"):
        job = folder / dtype
        train(job, 3, comm__algorithm="ring", comm__wire_dtype=dtype)
        test = next(line for line in log(job) if line["event"] == "evaluation" and line["part"] == "test")
        found[dtype] = (test["roc_auc"], test["loss"], jobs.losses(job)[-1])
        print(f"{dtype} on the wire: ROC-AUC {test['roc_auc']:.4f}, test loss {test['loss']:.4f}, last training loss {found[dtype][2]:.5f}")
    for dtype in ("bfloat16", "float16"):
        assert abs(found[dtype][0] - found["float32"][0]) <= 0.01, dtype
        assert abs(found[dtype][1] / found["float32"][1] - 1) <= 0.2, dtype
        assert found[dtype][2] != found["float32"][2], "it did not travel as 16 bits"


def main(which):
    with jobs.Folder() as folder:
        {"quality": quality, "scaling": scaling, "wire": wire}[which](folder)


main(sys.argv[1])
