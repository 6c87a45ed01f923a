"""serving: requests a second, latency at half load, memory and cold start of `ringtrain serve`, and of FastAPI and TorchServe with the same model.
The servers have one core, the load (wrk) another one."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import torchserve
from report import median
from workers import PROGRAMS, PYTHON, SOURCE, WorkerError

RINGTRAIN = PROGRAMS / "ringtrain"
CONNECTIONS = 16
START_LIMIT_S = 60
PACED = """
local body = io.open(os.getenv("BODY"), "r"):read("*a")
wrk.method, wrk.body = "POST", body
wrk.headers["Content-Type"] = "application/json"
local mean = tonumber(os.getenv("MEAN_MS") or "0")
if mean > 0 then
  math.randomseed(7)
  function delay() return math.floor(-math.log(1 - math.random()) * mean + 0.5) end
end
"""


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@dataclass
class Side:
    """A server that can be started. `command` makes its command line of free ports, of which the first is asked at `path`."""
    name: str
    path: str
    command: Callable
    environment: dict | None = None


class Server:
    def __init__(self, side, body, core):
        ports = free_ports(6)
        self.name, self.url = side.name, f"http://127.0.0.1:{ports[0]}{side.path}"
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        begin = time.perf_counter()
        self.process = subprocess.Popen(["taskset", "-c", str(core), *map(str, side.command(ports))], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=side.environment, start_new_session=True)
        try:
            self.wait(body, begin + START_LIMIT_S)
        except BaseException:
            self.close()
            raise
        self.cold_start = time.perf_counter() - begin

    def wait(self, body, end):
        while True:
            try:
                self.ask(body)
                return
            except OSError:
                if self.process.poll() is not None or time.perf_counter() > end:
                    self.log.seek(0)
                    raise WorkerError(f"{self.name} does not answer; its output ends with:\n{self.log.read()[-3000:]}") from None
                time.sleep(0.005)

    def ask(self, body):
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as reply:
            return json.loads(reply.read())

    def resident_bytes(self):
        """Of all its processes but one that only started the others and waits."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getsid(int(folder.name)) == self.process.pid:
                    found[int(folder.name)] = int(re.search(r"VmRSS:\s+(\d+)", (folder / "status").read_text())[1]) * 1024
            except (OSError, TypeError):  # it has ended
                continue
        return sum(found.values()) - (found[self.process.pid] if len(found) > 1 else 0)

    def close(self):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def load(server, script, body, core, seconds, rate=None):
    environment = {**os.environ, "BODY": str(body), "MEAN_MS": str(1e3 * CONNECTIONS / rate if rate else 0)}
    done = subprocess.run(["taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script, server.url], env=environment,
                          capture_output=True, text=True)
    if done.returncode != 0 or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise WorkerError(f"wrk against {server.name}: {done.stdout} {done.stderr}")
    found = {share: milliseconds(re.search(rf"^\s+{share}%\s+(\S+)", done.stdout, re.MULTILINE)[1]) for share in ("50", "99")}
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1]), "p50": found["50"], "p99": found["99"]}


def export(folder):
    subprocess.run([RINGTRAIN, "train", "configs/cancer.yaml", "--job-dir", folder / "job", "--set", "trainer.epochs=2"], cwd=SOURCE, check=True, capture_output=True)
    return folder / "job" / "export" / "cancer"


def rows_of(model):
    lines = (SOURCE / "datasets/cancer.csv").read_text().splitlines()
    names = lines[0].split(",")
    columns = [one["name"] for one in json.loads((model / "1" / "manifest.json").read_text())["columns"]]
    return [{name: float(value) for name, value in zip(names, line.split(","), strict=True) if name in columns} for line in lines[1:33]]


class Bench:
    def __init__(self, report, settings, folder):
        self.report, self.settings, self.folder = report, settings, folder
        self.seconds, self.warm_up_seconds = (1, 1) if settings.quick else (4, 10)
        cores = sorted(os.sched_getaffinity(0))[:2]
        if len(cores) < 2:
            raise WorkerError("two cores are needed: one for the servers, one for the load")
        self.server_core, self.load_core = cores
        self.model, self.script = export(folder), folder / "load.lua"
        self.script.write_text(PACED)
        rows, self.bodies = rows_of(self.model), {}
        for count in (1, 32):
            self.bodies[count] = folder / f"{count}.json"
            self.bodies[count].write_text(json.dumps({"instances": rows[:count]}))

    def start(self, side):
        return Server(side, self.bodies[1].read_bytes(), self.server_core)

    def load(self, server, count, seconds, rate=None):
        return load(server, self.script, self.bodies[count], self.load_core, seconds, rate)

    def sides(self):
        ours = Side("ringtrain", "/v1/models/cancer:predict", lambda ports: [RINGTRAIN, "serve", self.model, "--port", ports[0], "--threads", "1"])
        fastapi = Side("FastAPI", "/predict", lambda ports: [PYTHON, SOURCE / "bench/peers/fastapi_server.py", self.model / "1", ports[0]])
        reason = torchserve.why_not()
        if reason:
            print(f"TorchServe is left out: {reason}")
        return [ours, fastapi] + ([] if reason else [self.best_torchserve()])

    def best_torchserve(self):
        """With its batching on or off, whichever answers more requests of one row."""
        store = torchserve.archive(self.model / "1", self.folder)
        rates = {}
        for size in torchserve.BATCH_SIZES:
            side = Side("TorchServe", "/predictions/cancer", lambda ports, size=size: torchserve.command(store, size, ports), torchserve.environment(store))
            with self.start(side) as server:
                self.load(server, 1, self.warm_up_seconds)
                rates[size] = self.load(server, 1, self.seconds)["rate"], side
        best = max(rates, key=lambda size: rates[size][0])
        print(f"TorchServe: {', '.join(f'{rate:.0f} requests a second with batches of {size}' for size, (rate, _) in rates.items())}; taken: {best}")
        return rates[best][1]

    def compare(self, case, found, unit, **more):
        """`found`: the rounds of each side by its name, ours first."""
        ours, *peers = found
        for peer in peers:
            self.report.compare("serving", case, found[ours], found[peer], unit, peer, **more)

    def cold_starts(self, sides):
        found = {side.name: [] for side in sides}
        for _ in range(1 if self.settings.quick else 3):
            for side in sides:
                with self.start(side) as server:
                    found[side.name].append(server.cold_start)
        self.compare("cold start, to the first answer", found, "s")

    def loads(self, servers, count):
        full, half = {server.name: [] for server in servers}, {server.name: [] for server in servers}
        for server in servers:
            self.load(server, count, self.warm_up_seconds)
        for _ in range(self.settings.rounds):
            for server in servers:
                full[server.name].append(self.load(server, count, self.seconds)["rate"])
        for _ in range(self.settings.rounds):
            for server in servers:
                half[server.name].append(self.load(server, count, self.seconds, median(full[server.name]) / 2))
        self.compare(f"{count} rows, requests a second", full, "1/s", lower_is_better=False)
        for key in ("p50", "p99"):
            self.compare(f"{count} rows, {key} at half its own load", {name: [one[key] for one in runs] for name, runs in half.items()}, "ms")

    def require_agreement(self, servers):
        answers = [[row["probabilities"] for row in server.ask(self.bodies[32].read_bytes())["predictions"]] for server in servers]
        for server, found in zip(servers[1:], answers[1:], strict=True):
            worst = max(abs(a - b) for x, y in zip(answers[0], found, strict=True) for a, b in zip(x, y, strict=True))
            if worst > 1e-5:
                raise WorkerError(f"ringtrain and {server.name} do not agree: {worst}")


def run(report, settings):
    report.heading("serving", "the cancer model (MLP 30-32-16-1, rows by column names as JSON); a core for the servers, one for wrk with 16 connections")
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as folder:
        bench = Bench(report, settings, Path(folder))
        sides = bench.sides()
        bench.cold_starts(sides)
        with ExitStack() as stack:
            servers = [stack.enter_context(bench.start(side)) for side in sides]
            bench.require_agreement(servers)
            for count in bench.bodies:
                bench.loads(servers, count)
            bench.compare("memory after that", {server.name: [server.resident_bytes()] for server in servers}, "MB", scale=1e-6)
