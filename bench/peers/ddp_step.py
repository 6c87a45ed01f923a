"""DistributedDataParallel's side of the benches of training steps. torchrun ... ddp_step.py CASE SOCKET OPTIONS

OPTIONS, JSON: "default": true for DDP and the optimizer as they come; else what is faster: gradient_as_bucket_view, a fused optimizer,
no broadcast of buffers; and by case "static_graph", "keep_gradients" (zeroed, not dropped), "channels_last", and on a GPU "device", "autocast", "compile" (its mode),
"pad_vocabulary" (rows to round the vocabulary up to; a language model's)."""

import json
import os
import sys
import time
from contextlib import nullcontext

import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch.nn import functional
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
        self.device = torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if options.get("device") == "cuda" else "cpu")
        self.keep_gradients = bool(options.get("keep_gradients"))
        self.autocast = getattr(torch, options["autocast"]) if options.get("autocast") else None
        tuned = not options.get("default")
        weights = load_file(spec["weights"])
        if options.get("pad_vocabulary"):
            rows = -(-spec["outputs"] // options["pad_vocabulary"]) * options["pad_vocabulary"]
            weights["wte.weight"] = functional.pad(weights["wte.weight"], (0, 0, 0, rows - spec["outputs"]))
            spec = spec | {"outputs": rows}
        model = make_model(spec)
        model.load_state_dict(weights, strict=True)
        if options.get("channels_last"):
            model = model.to(memory_format=torch.channels_last)
            model.memory_format = torch.channels_last
        model = model.to(self.device)
        more = {"gradient_as_bucket_view": True, "broadcast_buffers": False,
                "static_graph": bool(options.get("static_graph"))} if tuned else {}
        self.model = DistributedDataParallel(model, **more)
        if options.get("compile"):
            self.model = torch.compile(self.model, mode=options["compile"])
        self.optimizer = make_optimizer(spec["optimizer"], self.model.parameters(), fused=tuned)
        data = load_file(spec["data"])
        self.inputs, self.targets = (data[name].to(self.device).split(spec["batch"]) for name in ("inputs", "targets"))
        self.step = 0

    def run(self):
        index = (self.step * self.world + self.rank) % len(self.inputs)
        with torch.autocast(self.device.type, self.autocast) if self.autocast else nullcontext():
            outputs = self.model(self.inputs[index])
        loss = loss_of(outputs, self.targets[index])
        self.optimizer.zero_grad(set_to_none=not self.keep_gradients)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        return loss.detach()


def profile(count, step):
    """As bench/programs/profile.h."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        for _ in range(count):
            step.run()
        torch.cuda.synchronize()
    kernels = [{"name": event.key, "ms": event.self_device_time_total / 1e3 / count, "calls": event.count / count}
               for event in profiler.key_averages() if event.self_device_time_total > 0]
    return {"kernels": sorted(kernels, key=lambda kernel: -kernel["ms"])}


def obey(command, step):
    if command["do"] == "memory":
        return resident_memory()
    if command["do"] == "profile":
        return profile(command["count"], step)
    dist.barrier()
    begin, cpu_begin = time.perf_counter(), time.process_time()
    losses = [step.run() for _ in range(command["count"])]
    if step.device.type == "cuda":
        torch.cuda.synchronize()
    dist.barrier()
    seconds = (time.perf_counter() - begin) / command["count"]
    cpu_seconds = (time.process_time() - cpu_begin) / command["count"]
    joined = torch.stack(losses).double()
    dist.all_reduce(joined)
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "losses": (joined / step.world).tolist()}


def main():
    torch.set_num_threads(1)
    spec = json.load(open(sys.argv[1]))
    options = json.loads(sys.argv[3])
    if options.get("device") == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.backends.cudnn.benchmark = True
    dist.init_process_group("nccl" if options.get("device") == "cuda" else "gloo")
    control = Control(sys.argv[2], dist.get_rank())
    step = Step(spec, options)
    for command in control.commands():
        control.answer(obey(command, step))
    dist.barrier()
    os._exit(0)  # destroy_process_group aborts now and then


if __name__ == "__main__":
    main()
