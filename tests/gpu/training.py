"""Training on GPUs, on one rank and on two with NCCL: what the CPU computes, the same weights whether steps are recorded as a CUDA graph or not,
and the same bits after going on from a checkpoint."""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
sys.path.insert(0, str(Path(__file__).parent.parent / "trainer"))
import equivalence  # noqa: E402
import gpus  # noqa: E402
import jobs  # noqa: E402

BEGIN = time.monotonic()


def say(what):
    print(f"{time.monotonic() - BEGIN:5.0f} s  {what}", flush=True)


def weights_of(job):
    name = (job / "checkpoints/latest").read_text().strip()
    return (job / "checkpoints" / name / "model.safetensors").read_bytes()


def recorded_steps(folder):
    """In float32: losses as on the CPU, and with a graph the bits of the plain steps; dropout draws the same numbers."""
    steps = 60
    usual = dict(trainer__epochs=6, trainer__max_steps=steps, trainer__clip_norm=0.5, trainer__log_every_steps=1, trainer__evaluate_every_steps=1000)

    def train(name, ranks, words):
        job = folder / name
        jobs.run("train", "configs/cancer.yaml", "--no-export", "--job-dir", job, "--ranks", ranks, *words, timeout=200)
        losses = jobs.losses(job)
        assert len(losses) == steps, len(losses)
        return job, losses

    for ranks, backend in ((1, "auto"), (1, "nccl"), (2, "nccl")):
        name = f"{backend}-{ranks}"
        _, on_cpu = train(f"{name}-cpu", ranks, jobs.sets(**usual, trainer__device="cpu", model__dropout=0))
        _, losses = train(f"{name}-alike", ranks, gpus.sets(ranks, **usual, comm__backend=backend, model__dropout=0))
        plain, _ = train(f"{name}-plain", ranks, gpus.sets(ranks, **usual, comm__backend=backend, trainer__cuda_graph="off"))
        recorded, _ = train(f"{name}-recorded", ranks, gpus.sets(ranks, **usual, comm__backend=backend, trainer__cuda_graph="on"))
        log = gpus.require_used(recorded)
        assert "recorded as a CUDA graph, and replayed" in log, log
        difference = jobs.relative_difference(losses, on_cpu)
        say(f"{ranks} ranks, comm.backend {backend}: losses differ from the CPU's by {difference:.1e}; recorded and plain steps give "
            f"{'the same bits' if weights_of(recorded) == weights_of(plain) else 'OTHER bits'}")
        assert difference < 1e-4
        assert weights_of(recorded) == weights_of(plain)


def same_as_the_cpu(folder):
    """In float64: a GPU, and two ranks, compute what one CPU does."""
    resnet = dict(model__type="resnet", model__depth="20", model__image=[1, 8, 8], trainer__optimizer__type="sgd", trainer__optimizer__lr=0.02)
    cases = [(model, equivalence.MODELS[model] | equivalence.OPTIMIZERS["adamw"], {}) for model in ("mlp", "convnet", "gpt")]
    cases += [("mlp", cases[0][1], dict(trainer__shard_optimizer=True)), ("mlp", cases[0][1], dict(trainer__accumulate=3)),
              ("convnet", resnet, dict(trainer__sync_batch_norm=True))]
    for number, (model, settings, more) in enumerate(cases):
        here = folder / f"same-{number}"
        here.mkdir()
        file = equivalence.config(here, model, "float64")
        settings = settings | dict(trainer__max_steps=20)

        def train(name, ranks, words):
            jobs.run("train", file, "--ranks", ranks, "--job-dir", here / name, *words, timeout=200)
            return jobs.losses(here / name), jobs.weights(here / name, 20)

        cpu_loss, cpu = train("cpu", 1, jobs.sets(**settings, trainer__device="cpu"))
        for ranks in (1, 2):
            loss, weights = train(f"gpu-{ranks}", ranks, gpus.sets(ranks, **(settings | more)))
            gpus.require_used(here / f"gpu-{ranks}")
            worst = max(jobs.relative_difference(weights[name], value) for name, value in cpu.items())
            say(f"{settings['model__type']} {json.dumps(more)} {ranks} ranks in float64: losses differ from the CPU's by "
                f"{jobs.relative_difference(loss, cpu_loss):.1e}, weights by {worst:.1e}")
            assert jobs.relative_difference(loss, cpu_loss) < 1e-9 and worst < 1e-8


def sixteen_bits(folder):
    """bfloat16 (recorded) and float16 (its loss scale is decided on the host) learn as float32 does."""
    last = {}
    for precision in ("float32", "bfloat16", "float16"):
        job = folder / precision
        jobs.run("train", "configs/cancer.yaml", "--no-export", "--job-dir", job, "--ranks", 2,
                 *gpus.sets(2, trainer__epochs=12, trainer__precision=precision, trainer__log_every_steps=1, model__dropout=0), timeout=200)
        last[precision] = sum(jobs.losses(job)[-11:]) / 11
    say(f"mean loss of the last epoch: {json.dumps({name: round(value, 4) for name, value in last.items()})}")
    for name, value in last.items():
        assert abs(value - last["float32"]) < 0.1 * last["float32"] + 0.01, name


def resumed(folder):
    """From the middle of an epoch, with dropout, on two ranks, recorded: the bits of a run that went through."""
    settings = dict(trainer__epochs=6, trainer__global_batch_size=50, trainer__log_every_steps=1, trainer__checkpoint__every_steps=10,
                    trainer__checkpoint__keep=99, trainer__early_stopping__patience=50, model__dropout=0.3)
    steps = 6 * 7  # 341 training rows
    for name, more in (("mlp", {}), ("sharded", dict(trainer__shard_optimizer=True))):
        whole, parts = folder / f"whole-{name}", folder / f"parts-{name}"
        for job, words in ((whole, []), (parts, []), (parts, ["--checkpoint", "step-20"])):
            jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", job, "--no-export", *words, *gpus.sets(2, **(settings | more)), timeout=200)
        for file in (whole / f"checkpoints/step-{steps}").iterdir():
            if file.suffix == ".safetensors":
                assert file.read_bytes() == (parts / f"checkpoints/step-{steps}" / file.name).read_bytes(), f"{name}: {file.name} has other bits"
        assert jobs.losses(whole) == jobs.losses(parts), name
        say(f"{name}: on two ranks resumed from step 20 of {steps}: the same bits")


def main():
    gpus.required()
    with jobs.Folder() as folder:
        for part in (recorded_steps, same_as_the_cpu, sixteen_bits, resumed):
            if len(sys.argv) == 1 or part.__name__ in sys.argv:
                part(folder)


main()
