"""`ringtrain serve` with curl and sockets: TensorFlow Serving's REST interface, what is refused, versions that come while it runs, and
its end."""

import http.client
import json
import os
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


def looping_clients(base, body):
    """Clients that ask again and again on connections they keep: the server ends soon, with 0, and what it answered is whole."""
    with Server(base, "--threads", "2") as server:
        good, wrong = [], []

        def loop():
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            try:
                while True:
                    connection.request("POST", "/v1/models/cancer:predict", body)
                    reply = connection.getresponse()
                    text = reply.read()
                    (good if reply.status == 200 and "predictions" in json.loads(text) else wrong).append(text)
            except (OSError, http.client.HTTPException) as error:
                good.append(error)

        clients = [threading.Thread(target=loop) for _ in range(4)]
        for client in clients:
            client.start()
        server.until(lambda: len(good) > 100)
        server.process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        assert server.process.wait(timeout=20) == 0, server.lines
        took = time.monotonic() - begin
        for client in clients:
            client.join()
        assert not wrong, wrong[:3]
        assert took < 5, took


def half_a_request(server, size):
    begun = socket.create_connection(("127.0.0.1", server.port))
    begun.sendall(b"POST /v1/models/cancer:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{" % size)
    time.sleep(0.2)
    return begun


def bounded(base):
    """A client that never comes to an end does not keep the server longer than it is told; a second signal, not at all."""
    with Server(base, "--drain-seconds", "1") as server:
        begun = half_a_request(server, 1000)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0
        assert 0.9 < time.monotonic() - begin < 4, time.monotonic() - begin
        assert begun.recv(10) == b""
        server.until(lambda: any("1 connections were cut" in line for line in server.lines))
    with Server(base) as server:
        begun = half_a_request(server, 1000)  # kept: it is closed with the object
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        assert server.process.poll() is None
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 128 + signal.SIGTERM
        assert time.monotonic() - begin < 2
        begun.close()


def endless_version(base):
    """A version whose manifest is a pipe into which nothing is written."""
    pipe = base / "cancer" / "9" / "manifest.json"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    return pipe


def hold_open(pipe):
    """Waits until somebody reads it."""
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.02)


def while_loading(base):
    """A version that takes for ever to load: SIGTERM ends the server, before it serves and while it does."""
    pipe = endless_version(base)
    process = subprocess.Popen([jobs.RINGTRAIN, "serve", str(base), "--port", "0"], stderr=subprocess.PIPE, text=True)
    writer = hold_open(pipe)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0 and "stopped before anything was served" in process.stderr.read()
    os.close(writer)
    shutil.rmtree(pipe.parent)
    with Server(base, "--drain-seconds", "1", "--poll-seconds", "0.05") as server:
        writer = hold_open(endless_version(base))
        assert server.ask("/v1/models/cancer")["model_version_status"][-1]["state"] == "LOADING"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=5) == 0, server.lines
        os.close(writer)
        shutil.rmtree(pipe.parent)


def away_for_a_moment(folder, base, body):
    """The repository may be moved away and come back: nothing is unloaded, and the status says why it is not followed."""
    with Server(base, "--poll-seconds", "0.05") as server:
        def problem():
            (status,) = server.ask("/v1/models/cancer")["model_version_status"]
            assert status["state"] == "AVAILABLE", status
            return status["status"]["error_message"]

        base.rename(folder / "away")
        server.until(lambda: "cannot be listed: No such file or directory" in problem())
        server.ask("/v1/models/cancer:predict", body)
        assert "cannot be listed" in server.ask("/v2/repository/index", b"")
        (folder / "away").rename(base)
        server.until(lambda: problem() == "")
        server.ask("/v1/models/cancer:predict", body)
        (base / "cancer" / "9").mkdir()
        server.until(lambda: len(server.ask("/v1/models/cancer")["model_version_status"]) == 2)
        broken = server.ask("/v1/models/cancer/versions/9")["model_version_status"][0]
        assert broken["state"] == "END" and "manifest.json is missing" in broken["status"]["error_message"], broken
        (base / "cancer" / "9").rmdir()
        assert sum("cannot be listed" in line for line in server.lines) == 1, server.lines


def literal_options(folder, base, body):
    """Options are what they are, whatever YAML would make of it; one that is empty is refused."""
    (folder / "tok #1").write_text("secret\n")
    with Server(base, "--token-file", folder / "tok #1") as server:
        server.ask("/v1/models/cancer:predict", body, expect=401)
        server.ask("/v1/models/cancer:predict", body, headers={"Authorization": "Bearer secret"})
    for option in ("--token-file", "--address", "--port", "--tls-key", "--config", "--set"):
        assert f"{option}: expected a value, got an empty text" in jobs.run("serve", base, option, "", expect=2).stderr, option
    assert "token_file: expected a file, got nothing" in jobs.run("serve", base, "--set", "token_file=", expect=2).stderr
    assert "cannot read ~" in jobs.run("serve", base, "--token-file", "~", expect=3).stderr
    for port in ("80x", "0x50", "[1]", "1e400", "8501 # x"):
        assert "port: expected a whole number, got" in jobs.run("serve", base, "--port", port, expect=2).stderr, port
    assert "got 65536" in jobs.run("serve", base, "--port", "65536", expect=2).stderr


def versions_by_name(base):
    model = base / "cancer"
    for wrong in ("v1", "01", "1e3", "1.5", "-1", "0x1", "99999999999999999999"):
        done = jobs.run("versions", "promote", model, "--", wrong, expect=2)
        assert f"expected a version's number such as 3, got '{wrong}'; {model} has: 1" in done.stderr, done.stderr
        assert len(done.stderr) < 400, done.stderr
        done = jobs.run("predict", f"{model}/{wrong}", "--json-instances", "/dev/null", expect=6)
        assert f"there is no version '{wrong}'; there are: 1" in done.stderr, done.stderr
    assert "there is no version ''" in jobs.run("predict", f"{model}@", "--json-instances", "/dev/null", expect=6).stderr


def full_disk(folder, base, rows):
    """Whatever is printed and cannot be written is an error, in every command; a reader that goes away is none."""
    (folder / "row.jsonl").write_text(json.dumps(rows[0]) + "\n")
    commands = [["models", base], ["models", base, "--json"], ["config"], ["config", "trainer.optimizer"], ["versions", "policy", base / "cancer", "latest"],
                ["generate", "fraud", "--rows", 1000, "--output", folder / "fraud.csv"], ["predict", base / "cancer", "--json-instances", folder / "row.jsonl"],
                ["evaluate", base / "cancer", "datasets/cancer.csv", "--bootstrap", 2], ["evaluate", base / "cancer", "datasets/cancer.csv", "--bootstrap", 2, "--json"],
                ["serve", "--reference"], ["--version"], ["train", "--help"], ["train", "configs/cancer.yaml", "--dry-run", "--ranks", 2],
                ["doctor", "--ranks", 1, "--job-dir", folder]]
    for command in commands:
        with open("/dev/full", "w") as full:
            done = subprocess.run([jobs.RINGTRAIN, *map(str, command)], cwd=jobs.SOURCE, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 1, (command, done)
        said = "ringtrain: standard output cannot be written: "  # and why, where that is still known
        if command[0] == "predict":
            said = "ringtrain: the answers cannot be written: the output is closed or full"
        one_line = done.stderr.startswith(said) and done.stderr.count("\n") == 1
        assert one_line or command[0] in ("doctor", "evaluate") and said in done.stderr, (command, done.stderr)
    for ignored in (False, True):  # SIGPIPE, as it is and as some parents leave it
        trap = "trap '' PIPE; " if ignored else ""
        done = subprocess.run(["bash", "-c", f"{trap}{{ {jobs.RINGTRAIN} config; echo $? >&2; }} | head -1"], capture_output=True, text=True, timeout=60, cwd=jobs.SOURCE)
        assert done.stdout == "# Configuration\n" and done.stderr in ("141\n", "0\n"), done


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
        shutil.rmtree(base / "cancer" / "2"), shutil.rmtree(base / "cancer" / "3")
        body = json.dumps({"instances": rows[:2]}).encode()
        looping_clients(base, body)
        bounded(base)
        while_loading(base)
        away_for_a_moment(folder, base, body)
        literal_options(folder, base, body)
        versions_by_name(base)
        full_disk(folder, base, rows)
        with Server(base / "cancer") as server:  # one model's folder
            assert server.ask("/v1/models") == {"models": ["cancer"]}
        (folder / "empty").mkdir()
        assert "holds no model" in jobs.run("serve", folder / "empty", expect=6).stderr
        assert "no such folder" in jobs.run("serve", folder / "none", expect=6).stderr
        assert "is no address" in jobs.run("serve", base, "--address", "here", expect=2).stderr
    print("served as predicted; new versions took over without a refused request")


main()
