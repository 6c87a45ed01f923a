"""10,000 requests while versions 1 to 5 come, go, are promoted and rolled back: none fails, and each answer is that of the version it names."""

import http.client
import json
import random
import shutil
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
sys.path.insert(0, str(Path(__file__).parent))
import jobs  # noqa: E402
from serving import Server, numeric_rows  # noqa: E402

REQUESTS = 10_000


def train(folder, number):
    """Versions that answer differently."""
    jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / f"job{number}", "--set", f"trainer.epochs={number}", "--set", f"seed={number}")
    return folder / f"job{number}" / "export" / "cancer" / "1"


def publish(source, model, number):
    shutil.copytree(source, model / f".staged-{number}")
    (model / f".staged-{number}").rename(model / str(number))


class Client(threading.Thread):
    def __init__(self, port, body, share, by_version):
        super().__init__()
        self.port, self.body, self.share, self.by_version = port, body, share, by_version
        self.seen, self.failures = [], []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while self.share.take():
            connection.request("POST", "/v2/models/cancer/infer", self.body)
            reply = connection.getresponse()
            text = reply.read()
            if reply.status != 200:
                self.failures.append((reply.status, text[:200]))
                continue
            answer = json.loads(text)
            version, values = int(answer["model_version"]), answer["outputs"][0]["data"]
            self.seen.append(version)
            if max(abs(a - b) for a, b in zip(values, self.by_version[version], strict=True)) > 1e-5:
                self.failures.append((version, values[:4]))


class Share:
    def __init__(self, count):
        self.left, self.lock, self.swapped = count, threading.Lock(), threading.Event()

    def take(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0 or not self.swapped.is_set()


def main():
    with jobs.Folder() as folder:
        sources = {number: train(folder, number) for number in range(1, 6)}
        names, rows = numeric_rows(sources[1], 8)
        by_version = {}
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for number, source in sources.items():
            lines = jobs.run("predict", source, "--json-instances", folder / "rows.jsonl").stdout.splitlines()
            by_version[number] = [p for line in lines for p in json.loads(line)["probabilities"]]
        model = folder / "models" / "cancer"
        model.mkdir(parents=True)
        publish(sources[1], model, 1)
        body = json.dumps({"inputs": [{"name": "numeric", "datatype": "FP32", "shape": [len(rows), len(names)], "data": [list(row.values()) for row in rows]}],
                           "outputs": [{"name": "probabilities"}]})
        with Server(folder / "models", "--poll-seconds", "0.05") as server:
            share = Share(REQUESTS)
            clients = [Client(server.port, body, share, by_version) for _ in range(4)]
            for client in clients:
                client.start()

            def live(number):
                server.until(lambda: server.ask("/v1/models/cancer/metadata")["model_spec"]["version"] == str(number))

            for number in range(2, 6):
                publish(sources[number], model, number)
                if number > 2:  # nothing was promoted before that: the newest one was live
                    jobs.run("versions", "promote", model, number)
                live(number)
                jobs.run("versions", "promote", model, number - 1)
                live(number - 1)
                jobs.run("versions", "promote", model, number)
                live(number)
            jobs.run("versions", "rollback", model)
            live(4)
            for number in (1, 2, 3):
                jobs.run("versions", "delete", model, number)
            generator = random.Random(1)
            while share.left > 0:  # back and forth for as long as there is load
                number = generator.choice((4, 5))
                jobs.run("versions", "promote", model, number)
                live(number)
                time.sleep(0.05)
            share.swapped.set()
            for client in clients:
                client.join()
        seen = [version for client in clients for version in client.seen]
        failures = [failure for client in clients for failure in client.failures]
        assert not failures, failures[:3]
        assert len(seen) >= REQUESTS and set(seen) == {1, 2, 3, 4, 5}, (len(seen), set(seen))
        print("answered by version:", {number: seen.count(number) for number in sorted(set(seen))})


main()
