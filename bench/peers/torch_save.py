"""The checkpoint bench's peer: torch.save of the state of the same model and optimizer. torch_save.py SOCKET MEBIBYTES FOLDER"""

import os
import sys
import time

import torch

from control import Control


def main():
    socket, mebibytes, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    model = torch.nn.Sequential(*[torch.nn.Linear(512, 512) for _ in range(mebibytes)], torch.nn.Linear(512, 2))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.zeros(1, 512)).sum().backward()
    optimizer.step()
    file = os.path.join(folder, "checkpoint.pt")
    control = Control(socket, 0)
    for command in control.commands():
        begin = time.perf_counter()
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
        if command["do"] == "write":  # as durable as ours
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        seconds = time.perf_counter() - begin
        os.sync()
        control.answer({"seconds": seconds})


main()
