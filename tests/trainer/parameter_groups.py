"""trainer.optimizer.groups against PyTorch's parameter groups: weight decay, learning rates, frozen parameters and ones that are frozen
for a time, 50 steps in float64 to 1e-9, on 1, 2 and 3 ranks, the optimizer whole or divided; resumed in the middle, before and after
the layout has changed, to the same bits."""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import equivalence  # noqa: E402
import jobs  # noqa: E402
import pytorch_loop  # noqa: E402

UNTIL = 20
GROUPS = [{"match": ["hidden1.*"], "freeze_until": UNTIL, "lr_scale": 0.5},
          {"match": ["hidden0.bias"], "freeze": True},
          {"match": "*.bias", "weight_decay": 0}]
SETTINGS = equivalence.MODELS["mlp"] | dict(trainer__optimizer__weight_decay=0.1, trainer__optimizer__lr=0.01,
                                            trainer__optimizer__groups=GROUPS, trainer__checkpoint__every_steps=10)
OPTIMIZERS = {"sgd": dict(trainer__optimizer__type="sgd", trainer__optimizer__momentum=0.9), "adamw": dict(trainer__optimizer__type="adamw")}


def peer(job, optimizer_name):
    """As pytorch_loop.train, with parameter groups."""
    import torch
    from safetensors.torch import load_file
    model = pytorch_loop.Mlp(torch.float64)
    model.load_state_dict(load_file(job / "checkpoints" / "step-0" / "model.safetensors"))
    inputs, targets = pytorch_loop.read(job, torch.float64)
    named = dict(model.named_parameters())
    named["hidden0.bias"].requires_grad_(False)
    groups = [{"params": [named["hidden1.weight"], named["hidden1.bias"]], "scale": 0.5, "weight_decay": 0.1},
              {"params": [named["output.bias"]], "scale": 1, "weight_decay": 0},
              {"params": [named["hidden0.weight"], named["output.weight"]], "scale": 1, "weight_decay": 0.1}]
    optimizer = torch.optim.SGD(groups, lr=0.01, momentum=0.9) if optimizer_name == "sgd" else torch.optim.AdamW(groups, lr=0.01)
    losses, per_epoch = [], math.ceil(len(inputs) / equivalence.BATCH)
    for step in range(equivalence.STEPS):
        epoch, number = divmod(step, per_epoch)
        if number == 0:
            order = pytorch_loop.permutation(len(inputs), 11, epoch)
        chosen = order[number * equivalence.BATCH:(number + 1) * equivalence.BATCH]
        for name in ("hidden1.weight", "hidden1.bias"):
            named[name].requires_grad_(step >= UNTIL)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(inputs[chosen]).squeeze(1), targets[chosen].double())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.5, foreach=False)
        steps = equivalence.STEPS
        lr = 0.01 * (step + 1) / 5 if step < 5 else 0.01 * 0.5 * (1 + math.cos(math.pi * (step - 5) / (steps - 5)))
        for group in optimizer.param_groups:
            group["lr"] = lr * group["scale"]
        optimizer.step()
        losses.append(loss.item())
    return losses, {name: value.detach().numpy() for name, value in model.state_dict().items()}


def files(job, step):
    folder = job / "checkpoints" / f"step-{step}"
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


def main():
    with jobs.Folder() as folder:
        file = equivalence.config(folder, "mlp", "float64")
        for name, optimizer in OPTIMIZERS.items():
            expected = None
            for ranks, sharded in ((1, False), (2, False), (3, True)) if name == "adamw" else ((2, True),):
                settings = SETTINGS | optimizer | dict(trainer__shard_optimizer=sharded)
                job, loss, weights = equivalence.train(folder, file, f"{name}-{ranks}-{sharded}", ranks, settings)
                expected = expected or peer(job, name)
                what = f"{name}, {ranks} ranks{', sharded' if sharded else ''}"
                equivalence.check(f"{what}: losses", jobs.relative_difference(loss, expected[0]), 1e-9)
                for parameter, value in expected[1].items():
                    equivalence.check(f"{what}: {parameter}", jobs.relative_difference(weights[parameter], value), 1e-9)
        start = jobs.weights(job, 0)
        assert (start["hidden0.bias"] == weights["hidden0.bias"]).all(), "a frozen parameter has moved"
        assert (start["hidden1.weight"] == jobs.weights(job, UNTIL)["hidden1.weight"]).all(), "it has moved before its time"
        assert (start["hidden1.weight"] != weights["hidden1.weight"]).any()

        # Resumed before, at and after the change of layout.
        whole = files(job, equivalence.STEPS)
        for step in (UNTIL - 10, UNTIL, UNTIL + 10):
            jobs.run("train", file, "--ranks", 3, "--job-dir", job, "--checkpoint", f"step-{step}", *jobs.sets(**settings))
            assert files(job, equivalence.STEPS) == whole, f"other bits after the resume from step {step}"
        log = (job / "log.jsonl").read_text()
        for line in ("group 1 (hidden1.*): 2 parameters, 136 numbers, frozen until step 20, learning rate times 0.5",
                     "group 2 (hidden0.bias): 1 parameters, 16 numbers, frozen", "group 3 (*.bias): 1 parameters, 1 numbers, weight_decay 0"):
            assert line in log, line
        state = jobs.tensors(job / "checkpoints" / "step-10" / "optimizer.safetensors")
        assert not any(name.startswith("exp_avg/hidden1") for name in state), "a frozen parameter has a state"

        done = jobs.run("train", file, "--job-dir", folder / "wrong", *jobs.sets(trainer__optimizer__groups=[{"match": "*.bais"}]), expect=None)
        assert done.returncode == 2 and "no parameter matches '*.bais'" in done.stderr, done.stderr


main()
