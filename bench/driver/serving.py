"""serving: requests a second, latency at half load, memory and cold start of `ringtrain serve` and of FastAPI with the same model. The server has
one core, the load (wrk) another one."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from workers import PROGRAMS, PYTHON, SOURCE, WorkerError

RINGTRAIN = PROGRAMS / "ringtrain"
CONNECTIONS = 16
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


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    def __init__(self, name, path, command, body, core):
        self.name, self.port = name, free_port()
        self.url = f"http://127.0.0.1:{self.port}{path}"
        begin = time.perf_counter()
        self.process = subprocess.Popen(["taskset", "-c", str(core), *[str(word).replace("PORT", str(self.port)) for word in command]], stdout=subprocess.DEVNULL)
        while True:
            try:
                self.answer = self.ask(body)
                break
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - begin > 60:
                    raise WorkerError(f"{name} does not answer") from None
                time.sleep(0.005)
        self.cold_start = time.perf_counter() - begin

    def ask(self, body):
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as reply:
            return json.loads(reply.read())

    def resident_bytes(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) * 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


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


def run(report, settings):
    report.heading("serving", "the cancer model (MLP 30-32-16-1, rows by column names as JSON); a core for the server, one for wrk with 16 connections")
    seconds = 1 if settings.quick else 4
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise WorkerError("two cores are needed: one for the server, one for the load")
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as place:
        folder = Path(place)
        model, script = export(folder), folder / "load.lua"
        script.write_text(PACED)
        rows, bodies = rows_of(model), {}
        for count in (1, 32):
            bodies[count] = folder / f"{count}.json"
            bodies[count].write_text(json.dumps({"instances": rows[:count]}))
        first = bodies[1].read_bytes()
        ours = ("ringtrain", "/v1/models/cancer:predict", [RINGTRAIN, "serve", model, "--port", "PORT", "--threads", "1"])
        theirs = ("FastAPI", "/predict", [PYTHON, SOURCE / "bench/peers/fastapi_server.py", model / "1", "PORT"])
        starts = {}
        for _ in range(1 if settings.quick else 3):
            for side in (ours, theirs):
                with Server(*side, first, cores[0]) as server:
                    starts.setdefault(side[0], []).append(server.cold_start)
        report.compare("serving", "cold start, to the first answer", starts["ringtrain"], starts["FastAPI"], "s", "FastAPI")
        with Server(*ours, first, cores[0]) as mine, Server(*theirs, first, cores[0]) as peer:
            ours_p, peers_p = ([row["probabilities"] for row in one.ask(bodies[32].read_bytes())["predictions"]] for one in (mine, peer))
            worst = max(abs(a - b) for x, y in zip(ours_p, peers_p, strict=True) for a, b in zip(x, y, strict=True))
            if worst > 1e-5:
                raise WorkerError(f"the two servers do not agree: {worst}")
            for count, body in bodies.items():
                full, half = {"ringtrain": [], "FastAPI": []}, {"ringtrain": [], "FastAPI": []}
                for server in (mine, peer):
                    load(server, script, body, cores[1], 1)
                for _ in range(settings.rounds):
                    for server in (mine, peer):
                        full[server.name].append(load(server, script, body, cores[1], seconds))
                for _ in range(settings.rounds):
                    for server in (mine, peer):
                        rate = sorted(one["rate"] for one in full[server.name])[len(full[server.name]) // 2] / 2
                        half[server.name].append(load(server, script, body, cores[1], seconds, rate))
                take = lambda runs, name, key: [one[key] for one in runs[name]]
                report.compare("serving", f"{count} rows, requests a second", take(full, "ringtrain", "rate"), take(full, "FastAPI", "rate"), "1/s", "FastAPI",
                               lower_is_better=False)
                for key in ("p50", "p99"):
                    report.compare("serving", f"{count} rows, {key} at half its own load", take(half, "ringtrain", key), take(half, "FastAPI", key), "ms", "FastAPI")
            report.compare("serving", "memory after that", [mine.resident_bytes()], [peer.resident_bytes()], "MB", "FastAPI", scale=1e-6)
