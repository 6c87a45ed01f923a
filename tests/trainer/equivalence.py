"""N ranks compute what one rank computes on the joined batch, and what PyTorch computes.

usage: equivalence.py MODEL    (linear, mlp, convnet, gpt, mlp32)

Each model is trained for 50 steps on 1, 2, 3 and 4 ranks with a global batch that none of 2, 3, 4 divides, by SGD with momentum and
by AdamW, with accumulation 1 and 3. In float64 losses and weights agree to 1e-9; mlp32 is the mlp in float32: losses, and the weights of
SGD, to 1e-5. The one-rank run is also compared with a plain PyTorch loop that starts from the same weights. With RINGTRAIN_SOAK each
optimizer sees all of these cases, else half of them: together they are all of them.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

STEPS = 50
BATCH = 37
SOAK = "RINGTRAIN_SOAK" in os.environ
CASES = [(ranks, accumulate) for ranks in (1, 2, 3, 4) for accumulate in (1, 3) if (ranks, accumulate) != (1, 1)]
CASES_OF = {"sgd": [(1, 3), (2, 1), (3, 3), (4, 1)], "adamw": [(2, 3), (3, 1), (4, 3)]}
MODELS = {
    "linear": dict(model__type="linear"),
    "mlp": dict(model__type="mlp", model__hidden=[16, 8]),
    "convnet": dict(model__type="convnet", model__image=[1, 8, 8], model__channels=[4, 8], model__groups=2, model__hidden=16),
    "gpt": dict(model__type="gpt", model__layers=2, model__heads=2, model__width=16, model__context=12, model__vocabulary=20),
}
OPTIMIZERS = {
    "sgd": dict(trainer__optimizer__type="sgd", trainer__optimizer__lr=0.05, trainer__optimizer__momentum=0.9),
    "adamw": dict(trainer__optimizer__type="adamw", trainer__optimizer__lr=0.01, trainer__optimizer__weight_decay=0.1),
}


def config(folder, model, precision):
    """A configuration whose training part is the whole file, in file order."""
    data, task = "train_file: datasets/cancer.csv\n  target: diagnosis", "binary_classification"
    if model == "convnet":
        jobs.write_pixels(folder / "pixels.csv")
        data, task = f"train_file: {folder / 'pixels.csv'}\n  target: kind", "classification"
    if model == "gpt":
        jobs.write_tokens(folder / "tokens.bin")
        data, task = f"train_file: {folder / 'tokens.bin'}\n  format: tokens", "language_model"
    file = folder / "config.yaml"
    file.write_text(f"""
name: same
seed: 11
data:
  {data}
  split: {{train: 1, validation: 0, test: 0}}
task: {{type: {task}}}
trainer:
  epochs: 1000
  max_steps: {STEPS}
  global_batch_size: {BATCH}
  precision: {precision}
  log_every_steps: 1
  clip_norm: 1.5
  schedule: {{type: cosine, warmup_steps: 5}}
  checkpoint: {{at_start: true, keep: 99}}
export: {{enabled: false}}
""")
    return file


def train(folder, file, name, ranks, settings):
    job = folder / name
    jobs.run("train", file, "--ranks", ranks, "--job-dir", job, *jobs.sets(**settings))
    loss = jobs.losses(job)
    assert len(loss) == STEPS, len(loss)
    return job, loss, jobs.weights(job, STEPS)


def check(what, difference, limit):
    print(f"{what}: {difference:.2e} (limit {limit:.0e})")
    assert difference <= limit, what


def main(which):
    model = which.removesuffix("32")
    single = which.endswith("32")
    with jobs.Folder() as folder:
        file = config(folder, model, "float32" if single else "float64")
        limit = 1e-5 if single else 1e-9
        for name, optimizer in OPTIMIZERS.items():
            job, loss, weights = train(folder, file, f"{name}-1", 1, MODELS[model] | optimizer)
            assert loss[-1] < 0.9 * loss[0], "the model does not learn"
            for ranks, accumulate in CASES if SOAK else CASES_OF[name]:
                settings = MODELS[model] | optimizer | dict(trainer__accumulate=accumulate)
                _, other_loss, other_weights = train(folder, file, f"{name}-{ranks}-{accumulate}", ranks, settings)
                what = f"{which}, {name}, {ranks} ranks, accumulate {accumulate}"
                check(f"{what}: losses", jobs.relative_difference(other_loss, loss), limit)
                if not single or name == "sgd":
                    for parameter, value in weights.items():
                        check(f"{what}: {parameter}", jobs.relative_difference(other_weights[parameter], value), limit)
            import pytorch_loop
            peer_loss, peer_weights = pytorch_loop.train(job, model, name, STEPS, BATCH)
            check(f"{which}, {name}, PyTorch: losses", jobs.relative_difference(loss, peer_loss), limit)
            if not single or name == "sgd":
                for parameter, value in peer_weights.items():
                    check(f"{which}, {name}, PyTorch: {parameter}", jobs.relative_difference(weights[parameter], value), limit)


if __name__ == "__main__":
    main(sys.argv[1])
