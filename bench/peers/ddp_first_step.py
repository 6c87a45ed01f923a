"""What the startup bench compares with: reads a table, takes one DDP step, says so. torchrun ... ddp_first_step.py TABLE DONE_FILE"""

import csv
import os
import sys

import torch
import torch.distributed as dist
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from models import Mlp

BATCH = 32  # over all ranks, as in configs/cancer.yaml


def main():
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    with open(sys.argv[1], newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "diagnosis"]
    classes = sorted({row["diagnosis"] for row in rows})
    inputs = torch.tensor([[float(row[name]) for name in names] for row in rows])
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    targets = torch.tensor([classes.index(row["diagnosis"]) for row in rows])
    torch.manual_seed(3)
    model = DistributedDataParallel(Mlp(len(names), [32, 16], len(classes)), gradient_as_bucket_view=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, fused=True)
    mine = torch.arange(rank, BATCH, world)
    functional.cross_entropy(model(inputs[mine]), targets[mine]).backward()
    optimizer.step()
    if rank == 0:
        with open(sys.argv[2], "w") as file:
            file.write("done")
    dist.barrier()
    os._exit(0)  # destroy_process_group aborts now and then


if __name__ == "__main__":
    main()
