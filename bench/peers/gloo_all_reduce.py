"""The all-reduce bench's peer: torch.distributed's all_reduce over gloo. torchrun ... gloo_all_reduce.py SOCKET"""

import os
import sys
import time

import torch
import torch.distributed as dist

from control import Control, resident_memory


def obey(command, rank):
    if command["do"] == "memory":
        return resident_memory()
    buffer = torch.full((command["bytes"] // 4,), rank + 1.0)
    dist.barrier()
    dist.all_reduce(buffer)
    total = buffer[-1].item()
    buffer.zero_()
    dist.barrier()
    begin = time.perf_counter()
    for _ in range(command["count"]):
        dist.all_reduce(buffer)
    dist.barrier()
    return {"seconds": (time.perf_counter() - begin) / command["count"], "sum": total}


def main():
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    control = Control(sys.argv[1], dist.get_rank())
    for command in control.commands():
        control.answer(obey(command, dist.get_rank()))
    dist.barrier()
    os._exit(0)


if __name__ == "__main__":
    main()
