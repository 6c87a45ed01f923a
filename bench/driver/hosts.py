"""Emulated hosts (tools/emulate_hosts.sh): two or more network namespaces with links of a chosen rate."""

import os
import subprocess

from workers import PYTHON, SOURCE, Workers, environment

TOOL = str(SOURCE / "tools/emulate_hosts.sh")
NETWORK = "bench"


def available():
    """Whether this is root on a system that gives it network namespaces."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL).returncode == 0


class Hosts:
    def __init__(self, count, rate):
        self.count = count
        self._tool("up", "--hosts", str(count), "--rate", rate)
        self.mpi = self._tool("mpirun-args").split("\n")[:-1]
        self.addresses = [self._tool("address", str(host)).strip() for host in range(count)]

    def _tool(self, *words):
        return subprocess.run([TOOL, "--name", NETWORK, *words], check=True, text=True, stdout=subprocess.PIPE).stdout

    def rate(self, rate):
        self._tool("rate", rate)

    def on(self, host, *command):
        return [TOOL, "--name", NETWORK, "run", str(host), *map(str, command)]

    def mpirun(self, *command):
        """One rank a host."""
        return self.on(0, "mpirun", *self.mpi, *command)

    def python(self, script, *arguments):
        """One rank a host, as torchrun would set it up; a command for each."""
        variables = lambda rank: [f"RANK={rank}", f"WORLD_SIZE={self.count}", "LOCAL_RANK=0", f"MASTER_ADDR={self.addresses[0]}",
                                  "MASTER_PORT=29511", "GLOO_SOCKET_IFNAME=eth0"]
        return [self.on(rank, "env", *variables(rank), PYTHON, SOURCE / "bench/peers" / script, *arguments)
                for rank in range(self.count)]

    def bandwidth(self):
        """Bytes a second that one TCP stream carries from one host to another, this moment."""
        script = SOURCE / "bench/peers/tcp_bandwidth.py"
        receiver = subprocess.Popen(self.on(0, PYTHON, script, "receive"), text=True, stdout=subprocess.PIPE, env=environment())
        try:
            receiver.stdout.readline()
            subprocess.run(self.on(1, PYTHON, script, "send", self.addresses[0]), check=True, timeout=60)
            return float(receiver.communicate(timeout=60)[0])
        finally:
            receiver.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._tool("down")
