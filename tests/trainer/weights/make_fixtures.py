"""Made fixtures/ once; kept to show what is in it. usage: make_fixtures.py FOLDER  (torch 2.11, transformers 4.57, torchvision 0.26)

Random weights, nothing learnt. What the libraries of PyPI say of them is beside them:

    gpt2/                 transformers' GPT2LMHeadModel, saved by save_pretrained, in float64
    gpt2_answers.safetensors     tokens, logits, the loss's gradients under its names
    gpt2_old.pt           the same weights as PyTorch saved them of old: masks and a tied head among them
    blocks.safetensors    torchvision's BasicBlock and Bottleneck in training, float64: weights, inputs, outputs, gradients, statistics
    resnets.json          names and shapes of torchvision's resnet18 and resnet50
    state_dict.pt, half.pt, parameters.pt, tied.pt       torch.save of state dicts in their forms
    ddp.pt                {"model": of DDP, "optimizer", "step", and things that are no tensors}
    module.pt, evil.pt, old_format.pt, script.pt         what must be refused
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from transformers import GPT2Config, GPT2LMHeadModel


def gpt2(folder):
    config = GPT2Config(vocab_size=11, n_positions=6, n_embd=8, n_layer=2, n_head=2, resid_pdrop=0.25, embd_pdrop=0.25, attn_pdrop=0.25,
                        bos_token_id=None, eos_token_id=None)
    model = GPT2LMHeadModel(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder / "gpt2")
    (folder / "gpt2" / "generation_config.json").unlink()
    tokens = torch.randint(0, 11, (3, 6))
    logits = model(tokens).logits
    nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()).backward()
    answers = {"tokens": tokens, "logits": logits.detach()} | {f"gradient/{name}": p.grad for name, p in model.named_parameters()}
    save_file({name: value.contiguous().clone() for name, value in answers.items()}, folder / "gpt2_answers.safetensors")
    old = model.state_dict()
    for layer in range(2):
        old[f"transformer.h.{layer}.attn.bias"] = torch.ones(6, 6, dtype=torch.uint8).tril().view(1, 1, 6, 6)
        old[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    torch.save(old, folder / "gpt2_old.pt")


def blocks(folder):
    kept = {}
    shortcut = nn.Sequential(nn.Conv2d(3, 4, 1, 2, bias=False), nn.BatchNorm2d(4))
    wide = nn.Sequential(nn.Conv2d(3, 8, 1, 2, bias=False), nn.BatchNorm2d(8))
    for name, block in {"basic": BasicBlock(3, 4, 2, shortcut), "bottleneck": Bottleneck(3, 2, 2, wide)}.items():
        block.double().train()
        with torch.no_grad():
            for value in block.state_dict().values():
                if value.is_floating_point():
                    value.uniform_(0.2, 1.2)
        kept |= {f"{name}/before/{key}": value.clone() for key, value in block.state_dict().items()}
        x = torch.randn(4, 3, 6, 6, dtype=torch.float64)
        y = block(x)
        y.square().sum().backward()
        kept |= {f"{name}/x": x, f"{name}/y": y.detach()} | {f"{name}/gradient/{key}": p.grad for key, p in block.named_parameters()}
        kept |= {f"{name}/after/{key}": value for key, value in block.state_dict().items()}
    save_file({key: value.contiguous().clone() for key, value in kept.items()}, folder / "blocks.safetensors")
    names = {name: {key: list(value.shape) for key, value in getattr(torchvision.models, name)().state_dict().items()}
             for name in ("resnet18", "resnet50")}
    (folder / "resnets.json").write_text(json.dumps(names, separators=(",", ":")) + "\n")


class Mlp(nn.Module):
    """The names of model.type: mlp with hidden: [3]."""

    def __init__(self):
        super().__init__()
        self.hidden0 = nn.Linear(2, 3)
        self.output = nn.Linear(3, 1)

    def forward(self, x):
        return self.output(torch.relu(self.hidden0(x)))


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/ringtrain_pickle_was_run",)


def torch_files(folder):
    model = Mlp()
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).view(parameter.shape) + 100 * i)
    state = model.state_dict()
    torch.save(state, folder / "state_dict.pt")
    torch.save({name: value.half() for name, value in state.items()}, folder / "half.pt")
    torch.save(dict(model.named_parameters()), folder / "parameters.pt")
    whole = torch.arange(12.)
    torch.save({"whole": whole.view(3, 4), "turned": whole.view(3, 4).t(), "part": whole[4:8], "scalar": whole[2]}, folder / "tied.pt")
    torch.save(model, folder / "module.pt")
    torch.save({"a": torch.ones(2), "b": Evil()}, folder / "evil.pt")
    torch.save({"model": {"eight": torch.ones(2).to(torch.float8_e4m3fn), "few": torch.eye(2).to_sparse()}, "step": 3}, folder / "other_kinds.pt")
    torch.save({}, folder / "nothing.pt")
    torch.save(state, folder / "old_format.pt", _use_new_zipfile_serialization=False)
    torch.jit.script(nn.Linear(1, 1)).save(folder / "script.pt")
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1, betas=(0.8, 0.95))
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(4, 2)).square().sum().backward()
        optimizer.step()
    torch.save({"model": {f"module.{name}": value for name, value in model.state_dict().items()}, "optimizer": optimizer.state_dict(), "step": 3,
                "args": argparse.Namespace(lr=0.01), "best": numpy.float64(0.5), "seen": {1, 2}, "large": 10**30}, folder / "ddp.pt")


torch.manual_seed(1)
target = Path(sys.argv[1])
target.mkdir(exist_ok=True)
gpt2(target)
blocks(target)
torch_files(target)
print(sum(file.stat().st_size for file in target.rglob("*") if file.is_file()), "bytes")
