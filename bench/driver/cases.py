"""The models of the benches: one description that both sides build from, with the same weights and the same batches."""

import json
import subprocess
from pathlib import Path

import numpy
from safetensors.numpy import save_file

from workers import PROGRAMS, WorkerError, environment

BATCHES = 16  # in memory; ranks go through them in turn

CONFIG = """
data: {{train_file: none.csv, target: target}}
seed: 7
model: {model}
task: {{type: {task}}}
trainer: {{optimizer: {optimizer}}}
"""


ADAMW = "{type: adamw, lr: 0.001, weight_decay: 0.01}"
SGD = "{type: sgd, lr: 0.01}"


class Case:
    def __init__(self, name, title, model, features, outputs, batch, task="classification",
                 optimizer=ADAMW, tokens=0):
        self.name, self.title, self.model = name, title, model
        self.features, self.outputs, self.batch = features, outputs, batch
        self.task, self.optimizer, self.tokens = task, optimizer, tokens
        self.peer = {"channels_last": True} if model["type"] == "resnet" else {}  # until choose_peer has measured

    def peer_variants(self):
        """Settings of DDP that are faster for some models and slower for others."""
        images = [{"channels_last": True}, {"channels_last": True, "static_graph": True}] if self.model["type"] == "resnet" else []
        return [{}, {"static_graph": True}, *images]

    def inputs_and_targets(self):
        random = numpy.random.default_rng(11)
        rows = BATCHES * self.batch
        if self.tokens:  # predict the next token
            text = random.integers(0, self.tokens, (rows, self.features + 1))
            return text[:, :-1].copy(), text[:, 1:].copy()
        return random.normal(size=(rows, self.features)).astype(numpy.float32), random.integers(0, self.outputs, rows)

    def write(self, folder):
        """Makes the case's files; returns the path of its description (bench/programs/step.h)."""
        folder = Path(folder)
        inputs, targets = self.inputs_and_targets()
        data = folder / f"{self.name}-data.safetensors"
        save_file({"inputs": inputs, "targets": targets}, data)
        spec = {"config": CONFIG.format(model=json.dumps(self.model), task=self.task, optimizer=self.optimizer),
                "features": self.features, "outputs": self.outputs, "labels": [str(i) for i in range(self.outputs)],
                "batch": self.batch, "weights": str(folder / f"{self.name}-weights.safetensors"), "data": str(data),
                "model": self.model, "optimizer": self.optimizer}
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
    Case("resnet20", "ResNet-20 on 1x28x28, 64 a rank", {"type": "resnet", "depth": "20", "image": [1, 28, 28]}, 784, 10, 64),
    Case("gpt", "GPT 4 layers x 128, context 128, 8 sequences a rank",
         {"type": "gpt", "layers": 4, "heads": 4, "width": 128, "context": 128, "vocabulary": 96}, 128, 96, 8,
         task="language_model", tokens=96),
    mlp("mlp_4m", "MLP 784-1536-1536-280-10 (4.0M parameters), 64 a rank", 784, [1536, 1536, 280], 10, 64, ADAMW),
)}
