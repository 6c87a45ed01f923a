"""What clients may do to `ringtrain serve` without harm: schemathesis on its own description, slow clients, bodies that are too large, strange
paths, a model that is damaged while it is served, tokens, TLS, more than may wait."""

import json
import random
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server, numeric_rows  # noqa: E402

PREDICT = "/v1/models/cancer:predict"


def percentile(values, share):
    return sorted(values)[int(share * (len(values) - 1))]


def latencies(server, body, count=400):
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        server.ask(PREDICT, body)
        times.append(time.perf_counter() - begin)
    return percentile(times, 0.99)


def slow_clients(server, body):
    """1,000 connections that send a byte now and then cost the others little."""
    alone = latencies(server, body)
    head = b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(1000)]
    for one in slow[:500]:
        one.sendall(head)
    stop = threading.Event()

    def dribble():
        place = 0
        while not stop.is_set():
            for one in slow:
                place += 1
                try:
                    one.sendall(b"x" if slow.index(one) < 500 else head[place % 10:place % 10 + 1])
                except OSError:
                    pass
            stop.wait(0.2)

    thread = threading.Thread(target=dribble)
    thread.start()
    beside = latencies(server, body)
    stop.set()
    thread.join()
    for one in slow:
        one.close()
    print(f"p99 alone {alone * 1e3:.2f} ms, beside 1,000 slow connections {beside * 1e3:.2f} ms")
    assert beside < 10 * max(alone, 0.005), (alone, beside)


def limits(base, body):
    with Server(base, "--set", "limits.header_seconds=1", "--set", "limits.body_seconds=1", "--set", "limits.connections=20") as server:
        for sent in (b"GET /v1/mod", b"POST /v1/models/cancer:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
            with socket.create_connection(("127.0.0.1", server.port)) as late:
                late.sendall(sent)
                assert late.recv(100) == b"", sent
        many = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(25)]
        time.sleep(0.3)
        refused = 0
        for one in many:
            one.settimeout(0.2)
            try:
                refused += one.recv(100).startswith(b"HTTP/1.1 503")
            except TimeoutError:
                pass
            one.close()
        assert refused >= 4, refused
        server.until(lambda: server.ask("/healthz") == "ok\n")
    with Server(base, "--set", "batching.max_waiting_rows=1", "--set", "batching.delay_us=300000") as server:
        threads = [threading.Thread(target=lambda: server.ask(PREDICT, body)) for _ in range(1)]
        threads[0].start()
        time.sleep(0.1)
        assert "rows wait already" in server.ask(PREDICT, body, expect=503)["error"]
        threads[0].join()


def large_and_strange(server):
    with socket.create_connection(("127.0.0.1", server.port)) as large:
        large.sendall(b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n")
        assert large.recv(100).startswith(b"HTTP/1.1 413")
    for deep in (b'{"instances": ' + b"[" * 1_000_000, b'{"instances": [' + b'{"a":' * 500_000):
        assert "nested deeper" in server.ask(PREDICT, deep, expect=400)["error"]
    # A number far below what a double holds: RapidJSON's own conversion would read behind its tables.
    assert "expected 30 values" in server.ask(PREDICT, b'{"instances": [[44444444.444444444444444444444e-344]]}', expect=400)["error"]
    for path in ("/../../etc/passwd", "/v1/models/..%2f..%2fetc%2fpasswd", "/v1/models/%00", "/v1/models/cancer/versions/-1", "/v1/models/%zz",
                 "/v2/models/../cancer", "/v2/models//infer", "/v1/models/cancer/labels/%2e%2e"):
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert raw.recv(100).split()[1] in (b"400", b"404"), path
    assert "encoding" in server.ask(PREDICT, b"x", expect=415, headers={"Content-Encoding": "br"})["error"]


def random_bodies(server, names, seconds):
    """Requests that were right before they were changed at random: 200 or a clear 4xx, never a 5xx or an end."""
    good = [json.dumps({"instances": [dict.fromkeys(names, 1.5)]}), json.dumps({"inputs": {name: [1, 2] for name in names}}),
            json.dumps({"inputs": [{"name": "numeric", "datatype": "FP32", "shape": [1, 30], "data": [0.5] * 30}], "outputs": [{"name": "class"}]})]
    pieces = ["null", "NaN", "-Infinity", "1e999", "[]", "{}", '"x"', "true", "-0", "1" * 400, '"\\ud800"', "[[[[]]]]", '{"a":{"b":[]}}', "\x00", "ÿ", '"numeric"', "FP64",
              "BYTES", '"shape":[-1]', '"shape":[9223372036854775807,2]', ","]
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    generator, counts, end = random.Random(seed), {}, time.monotonic() + seconds
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    while time.monotonic() < end:
        which = generator.randrange(3)
        text = list(good[which])
        for _ in range(generator.randrange(1, 4)):
            at, length = generator.randrange(len(text)), generator.choice((0, 1, 1, 5, 60))
            text[at:at + length] = generator.choice(pieces) if generator.random() < 0.7 else ""
            text = text or ["0"]
        connection.request("POST", PREDICT if which < 2 else "/v2/models/cancer/infer", "".join(text).encode())
        reply = connection.getresponse()
        answer = reply.read()
        counts[reply.status] = counts.get(reply.status, 0) + 1
        assert reply.status in (200, 400), (seed, reply.status, "".join(text), answer[:300])
    print(f"random bodies: {counts}")
    assert len(counts) == 2


def damaged(base, body):
    model = base / "cancer"
    with Server(base, "--poll-seconds", "0.05") as server:
        whole = (model / "1" / "model.pt").read_bytes()
        before = server.ask(PREDICT, body)
        for content in (whole[:1000], b"garbage", b""):
            (model / "1" / "model.pt").write_bytes(content)
            server.until(lambda: server.ask("/v1/models/cancer")["model_version_status"][0]["status"]["error_message"])
            (status,) = server.ask("/v1/models/cancer")["model_version_status"]
            assert status["state"] == "AVAILABLE" and "damaged" in status["status"]["error_message"], status
            assert server.ask(PREDICT, body) == before
        assert any("what was loaded before goes on" in line for line in server.lines)
        (model / "1" / "model.pt").write_bytes(whole)
        server.until(lambda: not server.ask("/v1/models/cancer")["model_version_status"][0]["status"]["error_message"])


def guarded(folder, base, body):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    (folder / "tokens").write_text("first\nsecond\n")
    trust = ssl.create_default_context(cafile=folder / "cert.pem")
    with Server(base, "--tls-certificate", folder / "cert.pem", "--tls-key", folder / "key.pem", "--token-file", folder / "tokens", scheme="https") as server:
        for token, status in (("second", 200), ("firs", 401), ("first2", 401), ("", 401)):
            server.ask(PREDICT, body, expect=status, context=trust, headers={"Authorization": f"Bearer {token}"})
        server.ask(PREDICT, body, expect=401, context=trust)
        assert server.ask("/healthz", context=trust) == "ok\n" and server.ask("/v2/health/ready", context=trust)["ready"]
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")
    assert "both or none" in jobs.run("serve", base, "--tls-key", folder / "key.pem", expect=2).stderr
    assert "cannot be read" in jobs.run("serve", base, "--tls-certificate", "/none", "--tls-key", "/none", expect=2).stderr


def described(server):
    command = Path(sys.executable).with_name("schemathesis")
    if not command.exists():
        print("not run: schemathesis is not installed")
        return False
    done = subprocess.run([command, "run", f"http://127.0.0.1:{server.port}/openapi.json", "--max-examples", "40", "--checks", "not_a_server_error,status_code_conformance,"
                           "content_type_conformance,response_schema_conformance", "--suppress-health-check", "all", "--request-timeout", "20"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[:6000] + done.stderr[-2000:]
    print("schemathesis:", [line for line in done.stdout.splitlines() if line.strip()][-1].strip("= "))
    return True


def main():
    with jobs.Folder() as folder:
        jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "job", "--set", "trainer.epochs=2")
        base = folder / "job" / "export"
        names, rows = numeric_rows(base / "cancer" / "1", 1)
        body = {"instances": rows}
        with Server(base) as server:
            large_and_strange(server)
            slow_clients(server, body)
            random_bodies(server, names, 20)
            ran = described(server)
            assert server.ask("/healthz") == "ok\n" and server.process.poll() is None
        limits(base, body)
        guarded(folder, base, body)
        damaged(base, body)
    return 0 if ran else 77


sys.exit(main())
