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
    buffer = torch.empty(command["bytes"] // 4)
    seconds = 0.0
    for _ in range(command["count"]):
        buffer.fill_(rank + 1.0)
        dist.barrier()
        begin = time.perf_counter()
        dist.all_reduce(buffer)
        seconds += time.perf_counter() - begin
    return {"seconds": seconds / command["count"], "sum": buffer[-1].item()}


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
