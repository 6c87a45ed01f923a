"""`ringtrain serve` with curl and sockets: TensorFlow Serving's REST interface, what is refused, versions that come while it runs, and
its end."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server  # noqa: E402


def rows_and_answers(folder, export):
    lines = (jobs.SOURCE / "datasets/cancer.csv").read_text().splitlines()
    names = lines[0].split(",")
    numeric = [one["name"] for one in json.loads((export / "1" / "schema.json").read_text())["numeric"]]
    rows = [{name: float(value) for name, value in zip(names, line.split(",")) if name in numeric} for line in lines[1:21]]
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [json.loads(line) for line in jobs.run("predict", export, "--json-instances", file).stdout.splitlines()]
    return rows, answers


def same(found, expected):
    """Rows that are answered together with other ones may be rounded otherwise."""
    return all(a["label"] == b["label"] and max(abs(p - q) for p, q in zip(a["probabilities"], b["probabilities"], strict=True)) < 1e-5
               for a, b in zip(found, expected, strict=True))


def answers(server, rows, expected):
    url = "/v1/models/cancer:predict"
    assert server.ask(url, {"instances": rows})["predictions"] == expected
    assert server.ask("/v1/models/cancer/versions/1:predict", {"instances": rows})["predictions"] == expected
    assert server.ask(url, {"instances": [list(row.values()) for row in rows]})["predictions"] == expected
    outputs = server.ask(url, {"inputs": {name: [row[name] for row in rows] for name in rows[0]}})["outputs"]
    assert outputs == {key: [answer[key] for answer in expected] for key in expected[0]}
    status = server.ask("/v1/models/cancer")["model_version_status"]
    assert status == [{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}], status
    assert server.ask("/v1/models/cancer/metadata")["model_spec"] == {"name": "cancer", "version": "1"}
    assert server.ask("/v1/models") == {"models": ["cancer"]} and server.ask("/healthz") == "ok\n"
    assert "<title>ringtrain: models" in server.ask("/") and server.ask("/openapi.json")["openapi"].startswith("3.")
    assert 'ringtrain_requests_total{code="200",model="cancer",protocol="v1"}' in server.ask("/metrics")
    # A person's curl.
    done = subprocess.run(["curl", "-s", "-d", json.dumps({"instances": rows[:1]}), f"http://localhost:{server.port}{url}"], capture_output=True, text=True)
    (alone,) = json.loads(done.stdout)["predictions"]
    assert alone["label"] == expected[0]["label"], done  # a batch of one rounds differently
    assert max(abs(a - b) for a, b in zip(alone["probabilities"], expected[0]["probabilities"], strict=True)) < 1e-5, done


def refused(server, rows):
    url = "/v1/models/cancer:predict"

    def error(path, expect, *arguments, **options):
        return server.ask(path, *arguments, expect=expect, **options)["error"]

    assert "row 2" in error(url, 400, {"instances": [rows[0], {"mean_radius": 1}]})
    assert "expected 30 values" in error(url, 400, {"instances": [[1, 2]]})
    assert "not JSON" in error(url, 400, b"{")
    assert "nested deeper" in error(url, 400, b"[" * 100000)
    assert "one of them" in error(url, 400, {"rows": []})
    assert "one of them" in error(url, 400, {"instances": rows, "inputs": {}})
    assert "array of rows" in error(url, 400, {"instances": 3})
    assert "row 1: expected an object or an array, got 3" in error(url, 400, {"instances": [3]})
    assert "signature_name" in error(url, 400, {"instances": rows, "signature_name": "other"})
    assert "row 1: field 'mean_radius': missing value" in error(url, 400, {"instances": [{**rows[0], "mean_radius": None}]})
    assert "missing value" in error(url, 400, json.dumps({"instances": [{**rows[0], "mean_radius": float("nan")}]}).encode())
    assert "within the range of float32" in error(url, 400, {"instances": [{**rows[0], "mean_radius": 1e300}]})
    infer = "/v2/models/cancer/infer"
    assert "\"inputs\" is missing" in error(infer, 400, {})
    assert "Did you mean 'numeric'?" in error(infer, 400, {"inputs": [{"name": "numerik", "datatype": "FP32", "shape": [1], "data": [1]}]})
    assert "shape [n, 30]" in error(infer, 400, {"inputs": [{"name": "numeric", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]})
    assert "do not fill" in error(infer, 400, {"inputs": [{"name": "numeric", "datatype": "FP32", "shape": [1, 30], "data": [1, 2]}]})
    assert "not possible" in error(infer, 400, {"inputs": [{"name": "numeric", "datatype": "FP32", "shape": [1 << 40, 30], "data": []}]})
    assert "unknown datatype" in error(infer, 400, {"inputs": [{"name": "numeric", "datatype": "FP31", "shape": [1, 30], "data": [0] * 30}]})
    assert "unknown output" in error(infer, 400, {"inputs": [{"name": "numeric", "datatype": "FP32", "shape": [1, 30], "data": [0] * 30}],
                                                 "outputs": [{"name": "none"}]})
    error("/v2/models/none", 404), error("/v2/models/cancer/versions/9/infer", 404, {}), error("/v2/models/cancer/infer", 405)
    assert "has 1 values, others 2" in error(url, 400, {"inputs": {"a": [1, 2], "b": [1]}})
    assert "there are: cancer. Did you mean 'cancer'?" in error("/v1/models/cancr", 404)
    assert "version 7" in error("/v1/models/cancer/versions/7:predict", 404, {"instances": rows})
    assert "version 7" in error("/v1/models/cancer/versions/7", 404)
    assert "POST" in error(url, 405)
    assert "GET" in error("/v1/models/cancer", 405, {})
    assert ":predict" in error("/v1/models/cancer:classify", 404, {})
    for path in ("/v1/models/../../etc/passwd", "/v1/models/%2e%2e%2f", "/v2/x", "/x", "/v1/models/cancer/versions/x"):
        error(path, 404)
    assert "larger than" in error(url, 413, b" " * (70 << 20))

    with socket.create_connection(("127.0.0.1", server.port)) as strange:
        strange.sendall(b"\x16\x03\x01 this is TLS\r\n\r\n")
        assert strange.recv(100).startswith(b"HTTP/1.1 400")
    assert server.ask("/healthz") == "ok\n"


def versions_that_come(server, export, rows, expected):
    """A newer version takes over with no request refused; one that is broken does not."""
    failures, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            try:
                found = server.ask("/v1/models/cancer:predict", {"instances": rows})["predictions"]
                if not same(found, expected):
                    failures.append(found)
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    clients = [threading.Thread(target=load) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        shutil.copytree(export / "1", export / ".staged")
        (export / ".staged").rename(export / "2")
        server.until(lambda: [one["version"] for one in server.ask("/v1/models/cancer")["model_version_status"]] == ["2"])
        shutil.copytree(export / "1", export / ".staged")
        (export / ".staged" / "model.pt").write_bytes(b"garbage")
        (export / ".staged").rename(export / "3")
        server.until(lambda: [one["state"] for one in server.ask("/v1/models/cancer")["model_version_status"]] == ["AVAILABLE", "END"])
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert not failures, failures[:3]
    live, broken = server.ask("/v1/models/cancer")["model_version_status"]
    assert (broken["version"], broken["state"], live["version"]) == ("3", "END", "2") and broken["status"]["error_message"], broken
    assert server.ask("/v1/models/cancer/metadata")["model_spec"]["version"] == "2"


def ends(server, rows):
    """SIGTERM: a request that has begun is answered, silent connections end, and the exit code is 0."""
    silent = socket.create_connection(("127.0.0.1", server.port))
    body = json.dumps({"instances": rows}).encode()
    begun = socket.create_connection(("127.0.0.1", server.port))
    begun.sendall(b"POST /v1/models/cancer:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:10])
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    begun.sendall(body[10:])
    answer = b""
    while part := begun.recv(65536):
        answer += part
    assert b"200 OK" in answer and b"predictions" in answer, answer[:300]
    assert silent.recv(10) == b""
    assert server.process.wait(timeout=20) == 0


def main():
    with jobs.Folder() as folder:
        jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "job", "--set", "trainer.epochs=2")
        base = folder / "job" / "export"
        rows, expected = rows_and_answers(folder, base / "cancer")
        with Server(base, "--threads", "2", "--poll-seconds", "0.1") as server:
            answers(server, rows, expected)
            refused(server, rows)
            versions_that_come(server, base / "cancer", rows, expected)
            ends(server, rows)
        with Server(base / "cancer") as server:  # one model's folder
            assert server.ask("/v1/models") == {"models": ["cancer"]}
        (folder / "empty").mkdir()
        assert "holds no model" in jobs.run("serve", folder / "empty", expect=6).stderr
        assert "no such folder" in jobs.run("serve", folder / "none", expect=6).stderr
        assert "is no address" in jobs.run("serve", base, "--address", "here", expect=2).stderr
    print("served as predicted; new versions took over without a refused request")


main()
