"""model.weights and `ringtrain export` through the command: PyTorch's loop goes on here with the same losses, a frozen backbone with a new
head beats training from scratch, a GPT-2 of transformers comes and goes to the same bits, and what does not fit is said once."""

import sys
from pathlib import Path

import numpy
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import equivalence  # noqa: E402
import jobs  # noqa: E402
import pytorch_loop  # noqa: E402

FIXTURES = Path(__file__).parent / "weights" / "fixtures"
BEFORE, AFTER, BATCH = 15, 20, equivalence.BATCH
OPTIMIZERS = {
    "adamw": (lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1), dict(trainer__optimizer__lr=0.01, trainer__optimizer__weight_decay=0.1)),
    "adam": (lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99)),
             dict(trainer__optimizer__lr=0.01, trainer__optimizer__beta1=0.8, trainer__optimizer__beta2=0.99)),
    "sgd": (lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9), dict(trainer__optimizer__lr=0.05, trainer__optimizer__momentum=0.9)),
}
MLP = dict(model__type="mlp", model__hidden=[16, 8], trainer__clip_norm=0, trainer__schedule__type="constant", trainer__schedule__warmup_steps=0)


def pytorch(folder, make_optimizer, save_to):
    """Trains on the batches that ringtrain takes, saves after BEFORE steps as a DDP script does, and goes on; returns the later losses."""
    torch.manual_seed(3)
    model = pytorch_loop.Mlp(torch.float64)
    inputs, targets = pytorch_loop.read(folder, torch.float64)
    optimizer = make_optimizer(model.parameters())
    losses, per_epoch = [], -(-len(inputs) // BATCH)
    for step in range(BEFORE + AFTER):
        if step == BEFORE:
            state = {f"module.{name}": value for name, value in model.state_dict().items()}
            torch.save({"model": state, "optimizer": optimizer.state_dict(), "step": step}, save_to)
        epoch, number = divmod(step, per_epoch)
        chosen = pytorch_loop.permutation(len(inputs), 11, epoch)[number * BATCH:(number + 1) * BATCH]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(inputs[chosen]).squeeze(1), targets[chosen].double())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[BEFORE:]


def ddp_goes_on(folder):
    file = equivalence.config(folder, "mlp", "float64")
    for name, (make_optimizer, settings) in OPTIMIZERS.items():
        saved = folder / f"{name}.pt"
        theirs = pytorch(folder, make_optimizer, saved)
        for ranks in (1, 2):
            job = folder / f"{name}-{ranks}"
            jobs.run("train", file, "--ranks", ranks, "--job-dir", job,
                     *jobs.sets(**MLP, **settings, trainer__optimizer__type=name, trainer__shard_optimizer=ranks == 2, trainer__max_steps=BEFORE + AFTER,
                                model__weights__from=str(saved), model__weights__optimizer=True))
            ours = jobs.losses(job)
            assert len(ours) == AFTER, len(ours)
            equivalence.check(f"{name}, {ranks} ranks, {AFTER} losses after PyTorch's {BEFORE} steps", jobs.relative_difference(ours, theirs), 1e-11)
    job = folder / "without"
    jobs.run("train", file, "--job-dir", job, *jobs.sets(**MLP, trainer__optimizer__lr=0.05, trainer__optimizer__type="adamw", trainer__max_steps=AFTER,
                                                         model__weights__from=str(folder / "sgd.pt")))
    assert jobs.relative_difference(jobs.losses(job), theirs) > 1e-3, "the state and the step make a difference"
    saved.unlink()
    resumed = folder / "sgd-1"
    jobs.run("train", file, "--job-dir", resumed, "--resume",
             *jobs.sets(**MLP, **OPTIMIZERS["sgd"][1], trainer__optimizer__type="sgd", trainer__shard_optimizer=False, trainer__max_steps=BEFORE + AFTER + 2,
                        model__weights__from=str(saved), model__weights__optimizer=True))
    assert len(jobs.losses(resumed)) == AFTER + 2, "a run that goes on from its own checkpoint does not read the file"


WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def digits(file, rows, label):
    """Of scikit-learn's 1,797 digits; a row whose label is None is left out."""
    from sklearn.datasets import load_digits
    data = load_digits()
    lines = [[*map(int, pixels), label(digit)] for pixels, digit in zip(data.data[rows], data.target[rows]) if label(digit)]
    names = [f"p{i}" for i in range(64)] + ["digit"]
    file.write_text("\n".join(",".join(map(str, line)) for line in [names, *lines]) + "\n")


def accuracy(job):
    import json
    lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    return next(line["accuracy"] for line in lines if line["event"] == "evaluation" and line["part"] == "test")


def a_frozen_backbone_with_a_new_head(folder):
    digits(folder / "numbers.csv", slice(0, 900), lambda digit: f"d{digit}")
    digits(folder / "words.csv", slice(900, None), lambda digit: WORDS[digit])
    digits(folder / "seven.csv", slice(900, None), lambda digit: WORDS[digit] if digit < 7 else None)
    file = folder / "digits.yaml"
    file.write_text("""
name: digits
seed: 2
data: {target: digit, normalize: minmax, split: {train: 0.5, validation: 0.2, test: 0.3}}
model: {type: convnet, image: [1, 8, 8], channels: [8, 16], hidden: 32}
task: {type: classification}
trainer: {epochs: 99, global_batch_size: 32, optimizer: {type: adamw, lr: 0.005}, checkpoint: {metric: accuracy}}
export: {enabled: false}
""")
    jobs.run("train", file, "--job-dir", folder / "numbers", "--train-file", folder / "numbers.csv", *jobs.sets(trainer__max_steps=300))
    steps = ("--train-file", folder / "words.csv", *jobs.sets(trainer__max_steps=25, trainer__optimizer__lr=0.02))
    groups = [{"match": ["convolution*", "norm*", "hidden.*"], "freeze": True}]
    said = jobs.run("train", file, "--job-dir", folder / "tuned", *steps, "--ranks", 2,
                    *jobs.sets(model__weights__from=str(folder / "numbers"), model__weights__ignore=["output.*"], trainer__optimizer__groups=groups))
    assert "these start at random: output.bias, output.weight" in said.stderr, said.stderr[-2000:]
    jobs.run("train", file, "--job-dir", folder / "scratch", *steps)
    tuned, scratch = accuracy(folder / "tuned"), accuracy(folder / "scratch")
    print(f"digits, 25 steps: accuracy {tuned:.3f} of a new head on a frozen backbone, {scratch:.3f} from scratch")
    assert tuned > scratch + 0.05, (tuned, scratch)
    best = [folder / job / "checkpoints" / (folder / job / "checkpoints" / "best").read_text().strip() for job in ("numbers", "tuned")]
    start, end = (jobs.tensors(checkpoint / "model.safetensors") for checkpoint in best)
    assert (start["convolution0.weight"] == end["convolution0.weight"]).all() and (start["output.weight"] != end["output.weight"]).any()
    bad = jobs.run("train", file, "--job-dir", folder / "bad", "--train-file", folder / "seven.csv", "--ranks", 2, expect=5,
                   *jobs.sets(model__weights__from=str(folder / "numbers")))
    assert bad.stderr.count("output.weight [10, 32] there, [7, 32] here") == 1, bad.stderr
    assert "output.bias [10] there, [7] here" in bad.stderr and "model.weights.ignore" in bad.stderr, bad.stderr
    bad = jobs.run("train", file, "--job-dir", folder / "bad", *steps, "--ranks", 2, expect=2, *jobs.sets(model__weights__from=str(folder / "none.pt")))
    assert bad.stderr.count("there is no") == 1, bad.stderr


def gpt2_comes_and_goes(folder):
    jobs.write_tokens(folder / "few.bin", tokens=400, vocabulary=11)
    file = folder / "gpt.yaml"
    file.write_text(f"""
name: gpt
data: {{train_file: {folder / 'few.bin'}, format: tokens, split: {{train: 1, validation: 0, test: 0}}}}
model: {{type: gpt, layers: 2, heads: 2, width: 8, context: 6, vocabulary: 11, dropout: 0.25, weights: {{from: {FIXTURES / 'gpt2'}}}}}
task: {{type: language_model}}
trainer: {{max_steps: 1, global_batch_size: 8, precision: float64, checkpoint: {{at_start: true}}}}
export: {{enabled: false}}
""")
    jobs.run("train", file, "--job-dir", folder / "gpt")
    out = folder / "hf"
    jobs.run("export", folder / "gpt" / "checkpoints" / "step-0", "--format", "huggingface", "--output", out)
    theirs, ours = jobs.tensors(FIXTURES / "gpt2" / "model.safetensors"), jobs.tensors(out / "model.safetensors")
    assert theirs.keys() == ours.keys()
    for name, value in theirs.items():
        assert value.shape == ours[name].shape and (value == ours[name]).all(), name
    bad = jobs.run("export", folder / "gpt", "--format", "huggingface", "--output", out, expect=2)
    assert "is there already" in bad.stderr, bad.stderr
    bad = jobs.run("export", folder / "numbers", "--format", "huggingface", "--output", folder / "no", expect=2)
    assert "huggingface (model.type: gpt)" in bad.stderr and not (folder / "no").exists(), bad.stderr
    try:
        from transformers import GPT2LMHeadModel
    except ImportError:
        return print("transformers is not here: the folder was compared with one that it wrote")
    answers = jobs.tensors(FIXTURES / "gpt2_answers.safetensors")
    model = GPT2LMHeadModel.from_pretrained(out, torch_dtype=torch.float64).eval()
    logits = model(torch.from_numpy(answers["tokens"].copy())).logits.detach().numpy()
    assert numpy.abs(logits - answers["logits"]).max() < 1e-9


if __name__ == "__main__":
    with jobs.Folder() as folder:
        ddp_goes_on(folder)
        a_frozen_backbone_with_a_new_head(folder)
        gpt2_comes_and_goes(folder)
