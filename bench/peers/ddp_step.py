"""DistributedDataParallel's side of the benches of training steps. torchrun ... ddp_step.py CASE SOCKET OPTIONS

OPTIONS, JSON: "default": true for DDP and the optimizer as they come; else what is faster on a CPU: gradient_as_bucket_view, a fused
optimizer, no broadcast of buffers; and by case "static_graph", "channels_last"."""

import json
import os
import sys
import time

import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch.nn.parallel import DistributedDataParallel

from control import Control, resident_memory
from models import loss_of, make_model


def make_optimizer(text, parameters, fused):
    fields = dict(field.split(": ") for field in text.strip("{}").split(", "))
    more = {"fused": True} if fused else {}
    if fields["type"] == "sgd":
        return torch.optim.SGD(parameters, lr=float(fields["lr"]), **more)
    return torch.optim.AdamW(parameters, lr=float(fields["lr"]), weight_decay=float(fields["weight_decay"]), **more)


class Step:
    def __init__(self, spec, options):
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        tuned = not options.get("default")
        model = make_model(spec)
        model.load_state_dict(load_file(spec["weights"]), strict=True)
        if options.get("channels_last"):
            model = model.to(memory_format=torch.channels_last)
            model.memory_format = torch.channels_last
        more = {"gradient_as_bucket_view": True, "broadcast_buffers": False,
                "static_graph": bool(options.get("static_graph"))} if tuned else {}
        self.model = DistributedDataParallel(model, **more)
        self.optimizer = make_optimizer(spec["optimizer"], self.model.parameters(), fused=tuned)
        data = load_file(spec["data"])
        self.inputs, self.targets = (data[name].split(spec["batch"]) for name in ("inputs", "targets"))
        self.step = 0

    def run(self):
        index = (self.step * self.world + self.rank) % len(self.inputs)
        loss = loss_of(self.model(self.inputs[index]), self.targets[index])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        return loss.detach()


def obey(command, step):
    if command["do"] == "memory":
        return resident_memory()
    dist.barrier()
    begin = time.perf_counter()
    losses = [step.run() for _ in range(command["count"])]
    dist.barrier()
    seconds = (time.perf_counter() - begin) / command["count"]
    joined = torch.stack(losses)
    dist.all_reduce(joined)
    return {"seconds": seconds, "losses": (joined / step.world).tolist()}


def main():
    torch.set_num_threads(1)
    spec = json.load(open(sys.argv[1]))
    dist.init_process_group("gloo")
    control = Control(sys.argv[2], dist.get_rank())
    step = Step(spec, json.loads(sys.argv[3]))
    for command in control.commands():
        control.answer(obey(command, step))
    dist.barrier()
    os._exit(0)  # destroy_process_group aborts now and then


if __name__ == "__main__":
    main()
