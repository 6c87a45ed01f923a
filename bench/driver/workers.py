"""The ranks of one side of a bench: started once, then given commands in turn with the other sides'."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
PROGRAMS = Path(os.environ.get("RINGTRAIN_BUILD", SOURCE / "build/release")) / "bin"
PYTHON = os.environ["PEERS_PYTHON"]
START_LIMIT_S = 120
ANSWER_LIMIT_S = 300


class WorkerError(Exception):
    pass


def usable_cores():
    return len(os.sched_getaffinity(0))


def usable_gpus():
    try:
        done = subprocess.run(["nvidia-smi", "--list-gpus"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        return 0
    return len(done.stdout.splitlines()) if done.returncode == 0 else 0


def mpirun(ranks, *command):
    """As `ringtrain train --ranks` starts them (launch/mpirun/mpirun_launcher.cpp)."""
    idle = ["--mca", "mpi_yield_when_idle", "1"] if ranks > usable_cores() else []
    return ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks), *idle, *map(str, command)]


def torchrun(ranks, script, *arguments):
    return [PYTHON, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks),
            str(SOURCE / "bench/peers" / script), *map(str, arguments)]


def environment(**more):
    """One thread a rank, whoever starts it."""
    return os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
                         "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} | more


class Workers:
    """`commands`: makes of the socket's path the command lines to start (one launcher, or one for each rank)."""

    def __init__(self, name, ranks, commands, **more_environment):
        self.name = name
        self.folder = tempfile.TemporaryDirectory(prefix="ringtrain-bench-")
        path = f"{self.folder.name}/driver"
        self.log = open(f"{self.folder.name}/log", "w+", errors="replace")
        self.processes, self.channels = [], []
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(ranks)
            try:
                for command in commands(path):
                    self.processes.append(subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder.name,
                        env=environment(**more_environment), start_new_session=True))
                self._accept(listener, ranks)
            except BaseException:
                self._kill()
                raise

    def _accept(self, listener, ranks):
        end = time.monotonic() + START_LIMIT_S
        listener.settimeout(0.2)
        channels = {}
        while len(channels) < ranks:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                if any(process.poll() not in (None, 0) for process in self.processes) or time.monotonic() > end:
                    self._fail(f"{len(channels)} of {ranks} ranks started")
                continue
            connection.settimeout(ANSWER_LIMIT_S)
            file = connection.makefile("rw")
            channels[json.loads(file.readline())["rank"]] = file
        self.channels = [channels[rank] for rank in range(ranks)]

    def ask(self, do, **fields):
        """Gives all ranks one command; their answers in rank order."""
        try:
            for channel in self.channels:
                channel.write(json.dumps({"do": do, **fields}) + "\n")
                channel.flush()
            lines = [channel.readline() for channel in self.channels]
        except OSError as error:
            self._fail(f"no answer to {do}: {error}")
        if not all(lines):
            self._fail(f"rank {lines.index('')} ended during {do}")
        return [json.loads(line) for line in lines]

    def _fail(self, what):
        self._kill()
        self.log.flush()
        self.log.seek(0)
        raise WorkerError(f"{self.name}: {what}; its output ends with:\n{self.log.read()[-3000:]}")

    def _kill(self):
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def close(self):
        try:
            for channel in self.channels:
                channel.write('{"do": "quit"}\n')
                channel.flush()
            for process in self.processes:
                process.wait(30)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self._kill()
        self.log.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
