"""The reading bench's peer: row groups by pyarrow through torch's DataLoader, each permuted by itself. parquet_loader.py SOCKET FOLDER TARGET BATCH
RANK RANKS"""

import glob
import sys
import time

import numpy
import pyarrow.parquet
import torch

from control import Control, resident_memory


class RowGroups(torch.utils.data.IterableDataset):
    def __init__(self, folder, target, batch, rank, ranks):
        self.files = [pyarrow.parquet.ParquetFile(file) for file in sorted(glob.glob(f"{folder}/*.parquet"))]
        self.groups = [(file, group) for file in self.files for group in range(file.num_row_groups)]
        self.target, self.batch, self.rank, self.ranks, self.epoch = target, batch, rank, ranks, 0

    def __iter__(self):
        random = numpy.random.default_rng(self.epoch)
        order = random.permutation(len(self.groups))[self.rank::self.ranks]
        for place in order:
            file, group = self.groups[place]
            table = file.read_row_group(group, use_threads=False)
            names = [name for name in table.column_names if name != self.target]
            inputs = torch.from_numpy(numpy.stack([table[name].to_numpy() for name in names], axis=1))
            targets = torch.from_numpy(table[self.target].to_numpy().astype(numpy.int64))
            rows = torch.from_numpy(random.permutation(len(targets)))
            for begin in range(0, len(rows), self.batch):
                chosen = rows[begin:begin + self.batch]
                yield inputs[chosen], targets[chosen]


def main():
    socket, folder, target, batch, rank, ranks = sys.argv[1], sys.argv[2], sys.argv[3], *map(int, sys.argv[4:7])
    torch.set_num_threads(1)
    data = RowGroups(folder, target, batch // ranks, rank, ranks)
    loader = torch.utils.data.DataLoader(data, batch_size=None)
    control = Control(socket, rank)
    for _ in control.commands():
        begin, rows = time.perf_counter(), 0
        for inputs, _ in loader:
            rows += len(inputs)
        data.epoch += 1
        control.answer(resident_memory() | {"rows": rows, "seconds": time.perf_counter() - begin})


main()
