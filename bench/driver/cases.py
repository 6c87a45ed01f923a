"""The models of the benches: one description that both sides build from, with the same weights and the same batches."""

import copy
import json
import subprocess
from pathlib import Path

import numpy
from safetensors.numpy import save_file

from workers import PROGRAMS, WorkerError, environment

BATCHES = 16  # in memory; ranks go through them in turn

ADAMW = "{type: adamw, lr: 0.001, weight_decay: 0.01}"
SGD = "{type: sgd, lr: 0.01}"


PADDED = 128  # rows of a vocabulary, as llm.c and nanoGPT round them up
COMPILED = "DDP torch.compile"
CUDA_GRAPHS = "DDP with CUDA graphs"  # torch.compile's reduce-overhead, which not every model bears


class Case:
    """`tokens`: the vocabulary of a language model, which then reads `features` tokens a row. `gpu`: on GPUs, in bfloat16."""

    def __init__(self, name, title, model, features, outputs, batch, optimizer=ADAMW, tokens=0, gpu=False, batches=BATCHES):
        self.name, self.title, self.model = name, title, model
        self.features, self.outputs, self.batch, self.batches = features, outputs, batch, batches
        self.optimizer, self.tokens, self.gpu = optimizer, tokens, gpu
        self.tolerance = 2e-2 if gpu else 1e-3  # of losses: bfloat16 has 8 bits
        images = model["type"] == "resnet"
        self.tuned = {"channels_last": True} if images else {}  # until choose_peer has measured
        self.task_more, self.trainer_more = {}, {}  # further fields
        self.wire = "float32"  # what gradients travel as between hosts

    def peers(self, default_too=True):
        """Name → options of bench/peers/ddp_step.py."""
        if self.gpu:
            here = self.tuned | {"device": "cuda", "autocast": "bfloat16"}
            peers = {"DDP eager": here, COMPILED: here | {"compile": "default"}, CUDA_GRAPHS: here | {"compile": "reduce-overhead"}}
            if self.tokens % PADDED and self.tokens > 100 * PADDED:  # whole tiles are faster; few of the losses' classes are new
                peers["DDP torch.compile, padded vocabulary"] = here | {"compile": "default", "pad_vocabulary": PADDED}
            return peers
        more = {"DDP default": {"default": True}, COMPILED: self.tuned | {"compile": "default"}}
        return {"DDP tuned": self.tuned} | (more if default_too else {})

    def variants(self):
        """Settings of DDP that are faster for some models and slower for others."""
        images = {"channels_last": True} if self.model["type"] == "resnet" else {}
        return [{}, images | {"static_graph": True}, images | {"keep_gradients": True}, *([images] if images else [])]

    def config(self):
        data = "{train_file: none, format: tokens}" if self.tokens else "{train_file: none.csv, target: target}"
        fields = lambda more: "".join(f", {name}: {value}" for name, value in more.items())
        task = ("language_model" if self.tokens else "classification") + fields(self.task_more)
        trainer = ("device: cuda, precision: bfloat16" if self.gpu else "device: cpu") + fields(self.trainer_more)
        return (f"data: {data}\nseed: 7\nmodel: {json.dumps(self.model)}\ntask: {{type: {task}}}\n"
                f"trainer: {{{trainer}, optimizer: {self.optimizer}}}\ncomm: {{wire_dtype: {self.wire}}}\n")

    def narrow(self):
        """The same with half the bytes between hosts."""
        other = copy.copy(self)
        other.name, other.wire = self.name + "_bf16", "bfloat16"
        return other

    def inputs_and_targets(self):
        random = numpy.random.default_rng(11)
        rows = self.batches * self.batch
        if self.tokens:  # the target is the next token
            text = random.integers(0, self.tokens, (rows, self.features + 1))
            return text[:, :-1].copy(), text[:, 1:].copy()
        return random.standard_normal((rows, self.features), numpy.float32), random.integers(0, self.outputs, rows)

    def write(self, folder):
        """Makes the case's files; returns the path of its description (bench/programs/step.h)."""
        folder = Path(folder)
        inputs, targets = self.inputs_and_targets()
        data = folder / f"{self.name}-data.safetensors"
        save_file({"inputs": inputs, "targets": targets}, data)
        spec = {"config": self.config(), "features": self.features, "outputs": self.outputs,
                "labels": [str(i) for i in range(self.outputs)], "batch": self.batch, "data": str(data),
                "weights": str(folder / f"{self.name}-weights.safetensors"), "model": self.model, "optimizer": self.optimizer}
        file = folder / f"{self.name}.json"
        file.write_text(json.dumps(spec))
        done = subprocess.run([PROGRAMS / "bench_step_time", "--write-weights", file], env=environment(), timeout=120, text=True,
                              stderr=subprocess.PIPE)
        if done.returncode:
            raise WorkerError(f"{self.name}: the weights could not be written: {done.stderr}")
        return file


def mlp(name, title, features, hidden, outputs, batch, optimizer):
    return Case(name, title, {"type": "mlp", "hidden": hidden}, features, outputs, batch, optimizer=optimizer)


CASES = {case.name: case for case in (
    mlp("mlp_small", "MLP 30-64-32-2, 256 a rank", 30, [64, 32], 2, 256, ADAMW),
    mlp("mlp_784", "MLP 784-512-512-10, 128 a rank", 784, [512, 512], 10, 128, SGD),
    # A small learning rate: with 1e-3 rounding alone parts losses by 1e-3 in 10 steps, also PyTorch's in two memory formats.
    Case("resnet20", "ResNet-20 on 1x28x28, 64 a rank", {"type": "resnet", "depth": "20", "image": [1, 28, 28]}, 784, 10, 64,
         optimizer="{type: adamw, lr: 0.0001, weight_decay: 0.01}"),
    Case("gpt", "GPT 4 layers x 128, context 128, 8 sequences a rank",
         {"type": "gpt", "layers": 4, "heads": 4, "width": 128, "context": 128, "vocabulary": 96}, 128, 96, 8, tokens=96),
    mlp("mlp_4m", "MLP 784-1536-1536-280-10 (4.0M parameters), 64 a rank", 784, [1536, 1536, 280], 10, 64, ADAMW),
    # On a GPU each.
    Case("gpt_small_gpu", "GPT 6 layers x 384, context 256, 8 sequences a rank, bfloat16",
         {"type": "gpt", "layers": 6, "heads": 6, "width": 384, "context": 256, "vocabulary": 96}, 256, 96, 8, tokens=96, gpu=True),
    Case("resnet50", "ResNet-50 on 3x224x224, 128 a rank, bfloat16", {"type": "resnet", "depth": "50", "image": [3, 224, 224]},
         3 * 224 * 224, 1000, 128, optimizer=SGD, gpu=True, batches=4),
    Case("gpt2_124m", "GPT-2 124M, context 1024, 8 sequences a rank, bfloat16",
         {"type": "gpt", "layers": 12, "heads": 12, "width": 768, "context": 1024, "vocabulary": 50257}, 1024, 50257, 8,
         tokens=50257, gpu=True),
)}
