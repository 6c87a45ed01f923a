"""The same training as a plain PyTorch loop on one process, written from the documentation, not from the C++."""

import csv
import json
import math
import sys
from pathlib import Path

import numpy
import torch
import yaml_of_job

MASK = (1 << 64) - 1


def finalise(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def permutation(samples, seed, epoch):
    """The order of samples in an epoch, as data/order/sampler.cpp documents it."""
    state = 0
    for part in (seed, epoch):
        state = finalise(((state ^ part) + 0x9E3779B97F4A7C15) & MASK)

    def next_number():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & MASK
        return finalise(state)

    def below(n):
        product = next_number() * n
        while product & MASK < (1 << 64) % n:
            product = next_number() * n
        return product >> 64

    order = list(range(samples))
    for i in range(samples - 1, 0, -1):
        j = below(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


class Convnet(torch.nn.Module):
    def __init__(self, type):
        super().__init__()
        self.convolution0 = torch.nn.Conv2d(1, 4, 3, padding=1)
        self.norm0 = torch.nn.GroupNorm(2, 4)
        self.convolution1 = torch.nn.Conv2d(4, 8, 3, padding=1)
        self.norm1 = torch.nn.GroupNorm(2, 8)
        self.hidden = torch.nn.Linear(8 * 2 * 2, 16)
        self.output = torch.nn.Linear(16, 3)
        self.to(type)

    def forward(self, x):
        x = x.reshape(-1, 1, 8, 8)
        x = torch.nn.functional.max_pool2d(torch.relu(self.norm0(self.convolution0(x))), 2)
        x = torch.nn.functional.max_pool2d(torch.relu(self.norm1(self.convolution1(x))), 2)
        return self.output(torch.relu(self.hidden(x.flatten(1))))


class Mlp(torch.nn.Module):
    def __init__(self, type):
        super().__init__()
        self.hidden0 = torch.nn.Linear(30, 16)
        self.hidden1 = torch.nn.Linear(16, 8)
        self.output = torch.nn.Linear(8, 1)
        self.to(type)

    def forward(self, x):
        return self.output(torch.relu(self.hidden1(torch.relu(self.hidden0(x)))))


class Linear(torch.nn.Module):
    def __init__(self, type):
        super().__init__()
        self.output = torch.nn.Linear(30, 1)
        self.to(type)

    def forward(self, x):
        return self.output(x)


def read_tokens(file, context):
    """Windows of `context` tokens, and what follows each token."""
    tokens = torch.from_numpy(numpy.fromfile(file, "<u2").astype(numpy.int64))
    count = (len(tokens) - 1) // context
    return tokens[:count * context].reshape(count, context), tokens[1:count * context + 1].reshape(count, context)


def gpt(type):
    sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
    from networks import Gpt
    return Gpt(20, 12, 16, 2, 2).to(type)


def read(job, type):
    """All rows, normalised in float64 by the training rows' mean and deviation."""
    config = yaml_of_job.read(job)
    if config["data"]["train_file"].endswith(".bin"):
        return read_tokens(config["data"]["train_file"], 12)
    target = config["data"]["target"]
    with open(config["data"]["train_file"], newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != target]
    inputs = torch.tensor([[float(row[name]) for name in names] for row in rows], dtype=torch.float64)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0, correction=0)
    labels = sorted({row[target] for row in rows})
    return inputs.to(type), torch.tensor([labels.index(row[target]) for row in rows])


def train(job, model_name, optimizer_name, steps, batch):
    from safetensors.torch import load_file
    start = load_file(Path(job) / "checkpoints" / "step-0" / "model.safetensors")
    type = next(iter(start.values())).dtype
    model = {"linear": Linear, "mlp": Mlp, "convnet": Convnet, "gpt": gpt}[model_name](type)
    model.load_state_dict(start)
    inputs, targets = read(job, type)
    base = 0.05 if optimizer_name == "sgd" else 0.01
    if optimizer_name == "sgd":
        optimizer = torch.optim.SGD(model.parameters(), lr=base, momentum=0.9)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=base, weight_decay=0.1)
    losses = []
    per_epoch = math.ceil(len(inputs) / batch)
    for step in range(steps):
        epoch, number = divmod(step, per_epoch)
        if number == 0:
            order = permutation(len(inputs), 11, epoch)
        chosen = order[number * batch:(number + 1) * batch]
        outputs = model(inputs[chosen])
        if model_name == "gpt":
            loss = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), targets[chosen].flatten())
        elif model_name == "convnet":
            loss = torch.nn.functional.cross_entropy(outputs, targets[chosen])
        else:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(outputs.squeeze(1), targets[chosen].to(type))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.5, foreach=False)
        lr = base * (step + 1) / 5 if step < 5 else base * 0.5 * (1 + math.cos(math.pi * (step - 5) / (steps - 5)))
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        losses.append(loss.item())
    return losses, {name: value.detach().numpy() for name, value in model.state_dict().items()}
