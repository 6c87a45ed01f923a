"""A rank's line to the driver, as bench/programs/control.h: one JSON object a line over a Unix socket."""

import json
import socket


class Control:
    def __init__(self, path, rank):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        self.file = connection.makefile("rw")
        self.answer({"rank": rank})

    def commands(self):
        while line := self.file.readline():
            command = json.loads(line)
            if command["do"] == "quit":
                return
            yield command

    def answer(self, answer):
        self.file.write(json.dumps(answer) + "\n")
        self.file.flush()


def resident_memory():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    of = lambda name: int(fields[name].split()[0]) * 1024
    return {"resident_bytes": of("VmRSS"), "peak_bytes": of("VmHWM")}
