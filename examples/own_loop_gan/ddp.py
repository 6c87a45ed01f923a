"""The same loop with PyTorch's DistributedDataParallel: the same weights, batches and losses. python3 ddp.py RANKS STEPS"""

import os
import socket
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

SHAPES, NOISE, WIDTH, BATCH = 2, 4, 32, 64


class Headed(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = nn.Linear(inputs, WIDTH)
        self.second = nn.Linear(WIDTH, WIDTH)
        self.heads = nn.ModuleList([nn.Linear(WIDTH, outputs) for _ in range(SHAPES)])

    def forward(self, inputs, shape):
        return self.heads[shape](torch.tanh(self.second(torch.tanh(self.first(inputs)))))


def batch_of(step, shape):
    generator = torch.Generator().manual_seed(1000 + step)

    def normal(width):
        return torch.randn(BATCH, width, generator=generator, dtype=torch.float64)

    u = torch.rand(BATCH, generator=generator, dtype=torch.float64)
    off = 0.1 * normal(1).squeeze(1)
    angle = u * 2 * 3.141592653589793
    ring = torch.stack([(2 + off) * angle.cos(), (2 + off) * angle.sin()], 1)
    line = torch.stack([4 * u - 2, 2 * u - 1 + off], 1)
    return ring if shape == 0 else line, normal(NOISE), normal(NOISE)


class Player:
    def __init__(self, network):
        self.network = DistributedDataParallel(network, find_unused_parameters=True)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.5, 0.9))

    def learn(self, loss_sum):
        """DDP takes the mean over the ranks of what is here a sum: hence their number."""
        ranks = torch.distributed.get_world_size()
        self.optimizer.zero_grad(set_to_none=True)
        (loss_sum * ranks / BATCH).backward()
        self.optimizer.step()
        total = loss_sum.detach().clone()
        torch.distributed.all_reduce(total)
        return total.item() / BATCH


def train(rank, ranks, steps, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=ranks)
    torch.manual_seed(7)
    generator, discriminator = Headed(NOISE, 2), Headed(2, 1)
    generator, discriminator = Player(generator.double()), Player(discriminator.double())
    begin, end = (sum(BATCH // ranks + (r < BATCH % ranks) for r in range(last)) for last in (rank, rank + 1))
    for step in range(steps):
        shape = step % SHAPES
        points, noise, more_noise = (all_ranks[begin:end] for all_ranks in batch_of(step, shape))

        made = generator.network.module(noise, shape).detach()
        real, fake = discriminator.network(torch.cat([points, made]), shape).split(end - begin)
        d_loss = discriminator.learn((F.softplus(-real) + F.softplus(fake)).sum())

        discriminator.network.requires_grad_(False)
        fooled = discriminator.network.module(generator.network(more_noise, shape), shape)
        g_loss = generator.learn(F.softplus(-fooled).sum())
        discriminator.network.requires_grad_(True)
        if rank == 0:
            print(step + 1, f"{d_loss:.12f} {g_loss:.12f}", flush=True)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    ranks, steps = int(sys.argv[1]), int(sys.argv[2])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(train, (ranks, steps, port), nprocs=ranks)
