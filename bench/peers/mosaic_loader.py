"""The reading bench's peer: MosaicML streaming over shards of its own form, which are written from the Parquet files first (not counted).
mosaic_loader.py SOCKET FOLDER TARGET BATCH RANK RANKS SHARDS"""

import glob
import os
import sys
import time

import numpy
import pyarrow.parquet

from control import Control, resident_memory


def write_shards(folder, target, shards):
    from streaming import MDSWriter
    with MDSWriter(out=shards, columns={"x": "ndarray:float32", "y": "int64"}) as writer:
        for file in sorted(glob.glob(f"{folder}/*.parquet")):
            table = pyarrow.parquet.read_table(file)
            names = [name for name in table.column_names if name != target]
            inputs = numpy.stack([table[name].to_numpy() for name in names], axis=1).astype(numpy.float32)
            for x, y in zip(inputs, table[target].to_numpy().astype(numpy.int64)):
                writer.write({"x": x, "y": int(y)})


def main():
    socket, folder, target, batch, rank, ranks, shards = *sys.argv[1:4], *map(int, sys.argv[4:7]), sys.argv[7]
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks)}
    import torch
    torch.set_num_threads(1)
    if ranks > 1:
        torch.distributed.init_process_group("gloo", init_method=f"file://{shards}.ranks", rank=rank, world_size=ranks)
    if rank == 0 and not os.path.exists(f"{shards}/index.json"):
        write_shards(folder, target, shards)
    if ranks > 1:
        torch.distributed.barrier()
    from streaming import StreamingDataset
    data = StreamingDataset(local=shards, shuffle=True, batch_size=batch // ranks)
    loader = torch.utils.data.DataLoader(data, batch_size=batch // ranks)
    control = Control(socket, rank)
    for _ in control.commands():
        begin, rows = time.perf_counter(), 0
        for part in loader:
            rows += len(part["x"])
        control.answer(resident_memory() | {"rows": rows, "seconds": time.perf_counter() - begin})
    os._exit(0)


main()
