"""How `ringtrain serve` behaves toward clients of every kind: the forms of HTTP that they send, what tritonclient, a health probe and
reflection ask over gRPC, request ids, the access log, and its metrics."""

import gzip
import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server  # noqa: E402

PREDICT, INFER = "/v1/models/shops:predict", "/v2/models/shops/infer"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
IGNORED = "row_id"


def train(folder):
    """A classifier with two numbers, a word column, most often "bakery", and a column that it does not take."""
    draw = numpy.random.default_rng(7)
    amounts, hours = draw.lognormal(3, 1, 600).round(3), draw.integers(0, 24, 600)
    shops = draw.choice(["air", "bakery", "cinema", ""], 600, p=[0.2, 0.4, 0.2, 0.2])
    lines = [f"{i},{a},{h},{s},{int(a > 30 or s == 'air')}" for i, (a, h, s) in enumerate(zip(amounts, hours, shops, strict=True))]
    (folder / "shops.csv").write_text(f"{IGNORED},amount,hour,shop,fraud\n" + "\n".join(lines) + "\n")
    base = folder / "models"
    jobs.run("train", "configs/cancer.yaml", "--train-file", folder / "shops.csv", "--job-dir", folder / "job",
             *jobs.sets(name="shops", export__repository=str(base), trainer__epochs=2, data__target="fraud", data__features__categorical=["shop"],
                        data__features__ignore=[IGNORED], data__missing__categorical="category"))
    return base


ROW = {"amount": 12.5, "hour": 3, "shop": "air"}


def tensors(**changed):
    """A request of version 2, by columns."""
    given = {"amount": ("FP32", [12.5]), "hour": ("FP32", [3]), "shop": ("BYTES", ["air"]), **changed}
    return [{"name": name, "datatype": kind, "shape": [1], "data": data} for name, (kind, data) in given.items()]


class Connection(http.client.HTTPConnection):
    """One that is kept."""

    def __init__(self, server):
        super().__init__("127.0.0.1", server.port, timeout=30)

    def ask(self, method, target, body=None, **headers):
        self.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        reply = self.getresponse()
        return reply, reply.read()


def heads(server):
    """HEAD is GET without the body, on a connection that goes on."""
    connection = Connection(server)
    for path in ("/", "/healthz", "/metrics", "/openapi.json", "/v1/models", "/v1/models/shops", "/v1/models/shops/metadata", "/v2", "/v2/health/live",
                 "/v2/health/ready", "/v2/models/shops", "/v2/models/shops/ready", "/v2/models/shops/config", "/v2/models/shops/stats", "/v1/models/none"):
        got, body = connection.ask("GET", path)
        head, nothing = connection.ask("HEAD", path)
        assert nothing == b"" and head.status == got.status, (path, head.status, got.status)
        assert head.getheader("Content-Type") == got.getheader("Content-Type"), path
        if path != "/metrics":
            assert int(head.getheader("Content-Length")) == len(body), path
    for path in (PREDICT, INFER):
        head, nothing = connection.ask("HEAD", path)
        assert (head.status, nothing, head.getheader("Allow")) == (405, b"", "POST"), path
    refused, _ = connection.ask("DELETE", "/v1/models/shops")
    assert (refused.status, refused.getheader("Allow")) == (405, "GET, HEAD")
    done = subprocess.run(["curl", "-sI", f"http://127.0.0.1:{server.port}/healthz"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("HTTP/1.1 200 OK"), done


def forms_of_http(server):
    """Absolute targets, as by way of a proxy; a date; ids."""
    connection = Connection(server)
    reply, body = connection.ask("GET", f"http://127.0.0.1:{server.port}/v1/models?x=1")
    assert reply.status == 200 and json.loads(body) == {"models": ["shops"]}, body
    assert re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT", reply.getheader("Date"))
    assert abs(time.time() - http.client.email.utils.parsedate_to_datetime(reply.getheader("Date")).timestamp()) < 5
    assert connection.ask("POST", f"http://x{PREDICT}", json.dumps({"instances": [ROW]}))[0].status == 200
    reply, _ = connection.ask("GET", "/v1/models", X_Request_Id="order-7", traceparent=TRACE)
    assert (reply.getheader("X-Request-Id"), reply.getheader("traceparent")) == ("order-7", TRACE)
    reply, _ = connection.ask("GET", "/v1/none", X_Request_Id="a b", traceparent="00-1")
    assert re.fullmatch("[0-9a-f]{16}", reply.getheader("X-Request-Id")) and reply.getheader("traceparent") is None
    done = subprocess.run(["curl", "-s", "-x", f"http://127.0.0.1:{server.port}", "http://models.example/v1/models"], capture_output=True, text=True)
    assert json.loads(done.stdout) == {"models": ["shops"]}, done


def packed(server):
    """Bodies by gzip, as long as they become no bombs."""
    body = json.dumps({"instances": [ROW] * 50}).encode()
    expected = server.ask(PREDICT, body)
    assert server.ask(PREDICT, gzip.compress(body), headers={"Content-Encoding": "gzip"}) == expected
    header = json.dumps({"inputs": [{"name": "amount", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}, *tensors()[1:]]}).encode()
    binary = gzip.compress(header + numpy.float32(12.5).tobytes())
    answer = server.ask(INFER, binary, headers={"Content-Encoding": "gzip", "Inference-Header-Content-Length": str(len(header))})
    assert answer["outputs"][0]["shape"] == [1, 2], answer
    for damaged in (b"{}", gzip.compress(body)[:-10], b""):
        assert "gzip" in server.ask(PREDICT, damaged, expect=400, headers={"Content-Encoding": "gzip"})["error"]
    assert "200 times" in server.ask(PREDICT, gzip.compress(b" " * (2 << 20)), expect=413, headers={"Content-Encoding": "gzip"})["error"]
    varied = bytes(numpy.random.default_rng(1).integers(32, 36, 70 << 20, numpy.uint8))
    assert "larger than" in server.ask(PREDICT, gzip.compress(varied, 1), expect=413, headers={"Content-Encoding": "gzip"})["error"]
    assert "'br' is not understood" in server.ask(PREDICT, body, expect=415, headers={"Content-Encoding": "br"})["error"]


def version_1(server):
    expected = server.ask(PREDICT, {"instances": [ROW]})
    assert server.ask(PREDICT, {"instances": [ROW], "signature_name": ""}) == expected
    # The rows of the training file as they are: with the target, and with what the model does not take.
    assert server.ask(PREDICT, {"instances": [{IGNORED: 9, **ROW, "fraud": 1}]}) == expected
    assert server.ask(PREDICT, {"inputs": {IGNORED: [9], **{name: [value] for name, value in ROW.items()}}})["outputs"]["class"] == [expected["predictions"][0]["class"]]
    error = server.ask(PREDICT, {"instances": [{**ROW, "amout": 3}]}, expect=400)["error"]
    assert error == "row 1: unknown field 'amout'; the model takes: amount, hour, shop. Did you mean 'amount'?", error


def version_2(server):
    (answer,) = server.ask(PREDICT, {"instances": [ROW]})["predictions"]

    def infer(inputs, expect=200, **more):
        return server.ask(INFER, {"inputs": inputs, **more}, expect=expect)

    expected = infer(tensors())["outputs"]
    for kind in ("UINT8", "UINT16", "UINT32", "UINT64", "INT32"):
        assert infer(tensors(hour=(kind, [3])))["outputs"] == expected, kind
    assert infer([*tensors(), {"name": IGNORED, "datatype": "INT64", "shape": [1], "data": [4]}])["outputs"] == expected
    assert "a value is no UINT16" in infer(tensors(hour=("UINT16", [65536])), 400)["error"]
    assert "input 'hour' is given twice" in infer([*tensors(), tensors()[1]], 400)["error"]
    assert "id" not in infer(tensors(), id=None) and infer(tensors(), id="seven")["id"] == "seven"
    wanted = [{"name": "probabilities", "parameters": {"classification": 2}}]
    (found,) = infer(tensors(), outputs=wanted)["outputs"]
    order = sorted(range(2), key=lambda k: -answer["probabilities"][k])
    assert found["datatype"] == "BYTES" and found["shape"] == [1, 2], found
    for text, k in zip(found["data"], order, strict=True):
        value, place, label = text.split(":")
        assert abs(float(value) - answer["probabilities"][k]) < 1e-6 and (place, label) == (str(k), str(k)), (found, answer)
    assert "no number of classes" in infer(tensors(), 400, outputs=[{"name": "probabilities", "parameters": {"classification": "2"}}])["error"]


def triton_clients(server, port):
    """The repository, configurations, statistics and classes as tritonclient asks for them, by HTTP and gRPC."""
    import tritonclient.grpc
    import tritonclient.http
    for module, place in ((tritonclient.http, server.port), (tritonclient.grpc, port)):
        client = module.InferenceServerClient(f"127.0.0.1:{place}")
        grpc = module is tritonclient.grpc

        def ask(method, *arguments, grpc=grpc, client=client):
            return getattr(client, method)(*arguments, **({"as_json": True} if grpc else {}))

        def counts(ask=ask):
            (stats,) = ask("get_inference_statistics", "shops", "1")["model_stats"]
            success = stats["inference_stats"]["success"]  # of gRPC what is 0 is left out
            return [int(one.get(name, 0)) for one, name in ((stats, "inference_count"), (stats, "execution_count"), (success, "count"), (success, "ns"), (stats, "last_inference"))]

        before = counts()
        inputs = [module.InferInput("amount", [2], "FP32"), module.InferInput("hour", [2], "UINT32"), module.InferInput("shop", [2], "BYTES")]
        for tensor, values in zip(inputs, (numpy.float32([12.5, 90]), numpy.uint32([3, 4]), numpy.array(["air", "cinema"], object)), strict=True):
            tensor.set_data_from_numpy(values)
        plain = client.infer("shops", inputs).as_numpy("probabilities")
        classes = client.infer("shops", inputs, outputs=[module.InferRequestedOutput("probabilities", class_count=1)]).as_numpy("probabilities")
        for row, (text,) in zip(plain, classes, strict=True):
            value, place_, label = text.decode().split(":")
            assert abs(float(value) - row.max()) < 1e-6 and int(place_) == row.argmax() and label == place_, (text, row)
        after = counts()
        assert [b - a for a, b in zip(before[:3], after[:3], strict=True)] == [4, 2, 2], (before, after)
        assert after[3] > before[3] and abs(after[4] / 1000 - time.time()) < 30, after
        config = ask("get_model_config", "shops")
        config = config["config"] if grpc else config
        assert [(one["name"], one["data_type"]) for one in config["input"]] == [("numeric", "TYPE_FP32"), ("shop", "TYPE_STRING")], config
        assert [str(size) for size in config["input"][0]["dims"]] == ["-1", "2"] and config["backend"] == "pytorch", config

        def state(grpc=grpc, ask=ask):
            found = ask("get_model_repository_index")
            (one,) = found["models"] if grpc else found
            return one["name"], one["version"], one["state"]

        assert state() == ("shops", "1", "READY")
        client.unload_model("shops")
        assert state() == ("shops", "1", "UNAVAILABLE") and not client.is_model_ready("shops") and client.is_server_ready()
        client.load_model("shops")
        assert state() == ("shops", "1", "READY") and client.is_model_ready("shops")
        for method, arguments in (("load_model", ["none"]), ("unload_model", ["none"]), ("get_model_config", ["none"]), ("get_inference_statistics", ["none"])):
            try:
                getattr(client, method)(*arguments)
            except Exception as error:  # noqa: BLE001
                assert "there is no model 'none'" in str(error), error
            else:
                raise AssertionError(method)
        try:
            client.load_model("shops", config="{}")
        except Exception as error:  # noqa: BLE001
            assert "served as it was exported" in str(error), error
        else:
            raise AssertionError("a configuration was taken")
        client.close()
    foreign = server.ask("/v2/repository/models/shops/unload", b"", expect=400, headers={"Origin": "http://elsewhere.example"})["error"]
    assert "another site" in foreign, foreign
    server.ask("/v2/repository/models/shops/unload", b"", headers={"Origin": f"http://127.0.0.1:{server.port}"})
    server.ask("/v2/repository/models/shops/load", b"")


def schemas(folder):
    """What the descriptors that the server answers with were made of, and those messages as Python's classes."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    script = jobs.SOURCE / "serving/server/proto/make_descriptors.sh"
    subprocess.run([script, folder / "descriptors.binpb"], check=True, env={"PEERS_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"})
    kept = descriptor_pb2.FileDescriptorSet.FromString((script.parent / "descriptors.binpb").read_bytes())
    made = descriptor_pb2.FileDescriptorSet.FromString((folder / "descriptors.binpb").read_bytes())
    assert kept == made, "proto/descriptors.binpb is not of these files: run make_descriptors.sh"
    pool = descriptor_pool.DescriptorPool()
    for file in kept.file:
        pool.Add(file)
    return {file.name: file for file in kept.file}, lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def probe_and_reflect(folder, port):
    import grpc
    files, message = schemas(folder)
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def health(service):
        request, reply = message("grpc.health.v1.HealthCheckRequest"), message("grpc.health.v1.HealthCheckResponse")
        call = channel.unary_unary("/grpc.health.v1.Health/Check", request.SerializeToString, reply.FromString)
        return call.with_call(request(service=service), metadata=(("x-request-id", "probe-1"), ("traceparent", TRACE)))

    for service in ("", "inference.GRPCInferenceService"):
        answer, call = health(service)
        assert answer.status == 1
        assert dict(call.initial_metadata()).items() >= {"x-request-id": "probe-1", "traceparent": TRACE}.items()
    try:
        health("none")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
    else:
        raise AssertionError("an unknown service is healthy")
    for version in ("v1", "v1alpha"):
        request, reply = (message(f"grpc.reflection.{version}.ServerReflection{kind}") for kind in ("Request", "Response"))
        call = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo", request.SerializeToString, reply.FromString)
        asked = [request(list_services=""), request(file_containing_symbol="inference.GRPCInferenceService"), request(file_by_filename="health.proto"),
                 request(file_containing_symbol="inference.ModelInferRequest.InferInputTensor"), request(file_containing_symbol="inference.Nothing")]
        listed, service, by_name, nested, none = call(iter(asked))
        names = {one.name for one in listed.list_services_response.service}
        assert names == {"grpc.health.v1.Health", "inference.GRPCInferenceService", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}
        for found, name in ((service, "inference.proto"), (by_name, "health.proto"), (nested, "inference.proto")):
            (text,) = found.file_descriptor_response.file_descriptor_proto
            assert text == files[name].SerializeToString(), name
        assert none.error_response.error_code == 5 and none.original_request == asked[-1], none
    channel.close()


def series_go(server, base):
    """A version that is unloaded leaves nothing in /metrics, and what is loaded goes on."""
    model = base / "shops"
    size = len(server.ask("/metrics"))
    for version in range(2, 7):
        shutil.copytree(model / "1", model / ".staged")
        (model / ".staged").rename(model / str(version))
        server.until(lambda version=version: server.ask("/v2/models/shops")["versions"] == [str(version)])
    server.until(lambda: re.findall(r'ringtrain_model_loaded\{model="shops",version="(\d+)"\} 1', server.ask("/metrics")) == ["6"])
    assert len(server.ask("/metrics")) < 1.2 * size, server.ask("/metrics")
    for version in range(2, 7):
        shutil.rmtree(model / str(version))
    server.until(lambda: server.ask("/v2/models/shops")["versions"] == ["1"])


def logged(log, expected):
    """Each request has its line, in the end."""
    lines = {}
    end = time.monotonic() + 10
    while not expected <= lines.keys():
        assert time.monotonic() < end, (expected, lines)
        time.sleep(0.05)
        lines = {one["request_id"]: one for one in map(json.loads, log.read_text().splitlines())}
    return lines


def access_log(server, log, port):
    import tritonclient.grpc
    server.ask(PREDICT, {"instances": [ROW] * 3}, headers={"X-Request-Id": "three-rows", "traceparent": TRACE})
    server.ask("/v1/models/none", expect=404, headers={"X-Request-Id": "nobody"})
    server.ask(INFER, {"id": "from-the-body", "inputs": tensors()})
    client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{port}")
    client.is_model_ready("shops", headers={"x-request-id": "by-grpc"})
    lines = logged(log, {"three-rows", "nobody", "from-the-body", "by-grpc"})
    three = lines["three-rows"]
    assert three.items() >= {"protocol": "v1", "method": "POST", "path": PREDICT, "status": 200, "model": "shops", "version": 1, "rows": 3, "traceparent": TRACE}.items()
    assert three["bytes_in"] > 50 and three["bytes_out"] > 100 and three["ms"] > 0 and three["client"].startswith("127.0.0.1:"), three
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", three["time"]), three
    assert lines["nobody"]["status"] == 404 and "version" not in lines["nobody"]
    assert lines["by-grpc"].items() >= {"protocol": "grpc", "status": 0, "path": "/inference.GRPCInferenceService/ModelReady"}.items()
    # A file that was moved away is made anew.
    log.rename(log.with_suffix(".1"))
    server.ask("/healthz", headers={"X-Request-Id": "anew"})
    assert set(logged(log, {"anew"})) == {"anew"}
    client.close()


def addresses(base, taken):
    """IPv6 in brackets; a port that is taken is said in one line."""
    for address in ("::1", "[::1]"):
        process = subprocess.Popen([jobs.RINGTRAIN, "serve", str(base), "--address", address, "--port", "0", "--grpc-port", "0", "--set", "repository_control=false"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = ""
        for line in process.stdout:
            said += line
            if "gRPC" in line:
                break
        try:
            (port,) = re.findall(r"Serving http://\[::1\]:(\d+)/", said)
            assert f"POST http://[::1]:{port}/v1/models/shops:predict" in said and re.search(r"gRPC \[::1\]:\d+ ", said), said
            done = subprocess.run(["curl", "-s", f"http://[::1]:{port}/v1/models"], capture_output=True, text=True)
            assert json.loads(done.stdout) == {"models": ["shops"]}, done
            done = subprocess.run(["curl", "-s", "-X", "POST", f"http://[::1]:{port}/v2/repository/models/shops/unload"], capture_output=True, text=True)
            assert "may not load or unload" in json.loads(done.stdout)["error"], done
        finally:
            process.kill()
            process.wait()
    for options in (["--port", taken], ["--port", "0", "--grpc-port", taken]):
        done = jobs.run("serve", base, *options, expect=2)
        what = " for gRPC" if len(options) > 2 else ""
        last = [line for line in done.stderr.splitlines() if "INFO" not in line]
        assert last == [f"ringtrain: cannot listen on 127.0.0.1:{taken}{what}: Address already in use"], done.stderr
    assert "access_log: cannot write /none/log" in jobs.run("serve", base, "--access-log", "/none/log", expect=2).stderr


def main():
    with jobs.Folder() as folder:
        base, log = train(folder), folder / "access.jsonl"
        with Server(base, "--grpc-port", "0", "--access-log", log, "--poll-seconds", "0.1") as server:
            server.until(lambda: any("gRPC" in line for line in server.lines))
            (port,) = [int(line.split("127.0.0.1:")[1].split()[0]) for line in server.lines if "gRPC" in line]
            heads(server)
            forms_of_http(server)
            packed(server)
            version_1(server)
            version_2(server)
            triton_clients(server, port)
            probe_and_reflect(folder, port)
            access_log(server, log, port)
            series_go(server, base)
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                other.listen()
                addresses(base, other.getsockname()[1])
    print("HTTP, version 1, version 2, gRPC, health, reflection, ids, the access log and the metrics are as clients expect them")


main()
