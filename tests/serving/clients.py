"""Clients that others wrote against `ringtrain serve`: tritonclient (JSON, binary, gRPC), KServe's (v1, v2), ONNX Runtime, OpenVINO and
torch.jit on the exported files. All agree with `ringtrain predict` to 1e-5 on the same rows."""

import asyncio
import csv
import importlib
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

NOT_RUN = []


def has(name):
    try:
        importlib.import_module(name)
    except ImportError as error:
        NOT_RUN.append(f"{name} ({error})")
        return False
    return True


class Server:
    def __init__(self, base):
        self.process = subprocess.Popen([jobs.RINGTRAIN, "serve", str(base), "--port", "0", "--grpc-port", "0"], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Serving http" in line:
                self.port = int(line.split("127.0.0.1:")[1].split("/")[0])
            if "gRPC 127.0.0.1:" in line:
                self.grpc = int(line.split("127.0.0.1:")[1].split()[0])
                break
        else:
            raise AssertionError("".join(lines))
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def close(what, got, expected):
    worst = float(numpy.abs(numpy.asarray(got, dtype=float) - expected).max())
    assert worst < 1e-5, (what, worst)
    print(f"{what}: {worst:.1e}")


def triton(server, values, expected):
    import tritonclient.grpc
    import tritonclient.http
    for name, module, url in (("HTTP", tritonclient.http, f"127.0.0.1:{server.port}"), ("gRPC", tritonclient.grpc, f"127.0.0.1:{server.grpc}")):
        client = module.InferenceServerClient(url)
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("cancer"), name
        assert not client.is_model_ready("cancer", "9"), name
        metadata = client.get_model_metadata("cancer")
        assert "numeric" in str(metadata) and client.get_server_metadata(), metadata
        tensor = module.InferInput("numeric", list(values.shape), "FP32")
        for binary in (True, False) if name == "HTTP" else (None,):
            options = {} if binary is None else {"binary_data": binary}
            tensor.set_data_from_numpy(values, **options)
            wanted = [module.InferRequestedOutput(one, **options) for one in ("probabilities", "class", "label")]
            answer = client.infer("cancer", [tensor], outputs=wanted, request_id="seven")
            close(f"tritonclient {name}{'' if binary is None else ' binary' if binary else ' JSON'}", answer.as_numpy("probabilities"), expected)
            assert (answer.as_numpy("class") == expected.argmax(1)).all()
            assert {text.decode() if isinstance(text, bytes) else text for text in answer.as_numpy("label")} <= {"benign", "malignant"}
        everything = client.infer("cancer", [tensor], model_version="1")
        close(f"tritonclient {name}, all outputs", everything.as_numpy("probabilities"), expected)
        bad = module.InferInput("numeric", [1, 2], "FP32")
        bad.set_data_from_numpy(numpy.zeros((1, 2), numpy.float32))
        for arguments in (("cancer", [bad]), ("none", [tensor])):
            try:
                client.infer(*arguments)
            except Exception as error:  # noqa: BLE001
                assert "expected the shape [n, 30]" in str(error) or "there is no model 'none'" in str(error), error
            else:
                raise AssertionError("a bad request was answered")
        client.close()


def stopped(base, values):
    """Four clients that ask in a loop, and one whose stream says nothing: SIGTERM ends the server soon, with 0; what was asked is answered or refused."""
    import tritonclient.grpc
    from tritonclient.utils import InferenceServerException
    for _ in range(3):
        with Server(base) as server:
            answered, refused, strange = [], [], []

            def loop():
                client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}")
                tensor = tritonclient.grpc.InferInput("numeric", list(values.shape), "FP32")
                tensor.set_data_from_numpy(values)
                while len(refused) < 40:
                    try:
                        answered.append(client.infer("cancer", [tensor]).as_numpy("class").shape)
                    except InferenceServerException as error:
                        (refused if "UNAVAILABLE" in str(error.status()) else strange).append(error)
                        time.sleep(0.01)

            quiet = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}")
            quiet.start_stream(callback=lambda result, error: None)
            threads = [threading.Thread(target=loop) for _ in range(4)]
            for thread in threads:
                thread.start()
            while len(answered) < 50:
                time.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            begin = time.monotonic()
            code = server.process.wait(timeout=40)
            took = time.monotonic() - begin
            for thread in threads:
                thread.join()
            quiet.stop_stream(cancel_requests=True)
            assert code == 0 and took < 5 and not strange, (code, took, [str(error) for error in strange[:3]])
    print(f"SIGTERM under load: gone after {took:.2f} s")


def kserve(folder, port):
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    asked = numpy.load(folder / "asked.npz")
    values, expected = asked["values"], asked["expected"]
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

    async def ask():
        base = f"http://127.0.0.1:{port}"
        v1 = InferenceRESTClient(RESTConfig(protocol="v1", retries=1))
        answer = await v1.infer(base, {"instances": rows}, model_name="cancer")
        close("KServe v1", [one["probabilities"] for one in answer["predictions"]], expected)
        v2 = InferenceRESTClient(RESTConfig(protocol="v2", retries=1))
        tensor = InferInput("numeric", list(values.shape), "FP32")
        tensor.set_data_from_numpy(values, binary_data=False)
        answer = await v2.infer(base, InferRequest("cancer", [tensor]), model_name="cancer")
        found = {one.name: one for one in answer.outputs}["probabilities"].as_numpy()
        close("KServe v2", found.reshape(expected.shape), expected)
        assert await v2.is_server_ready(base) and await v2.is_model_ready(base, "cancer")

    asyncio.run(ask())


def files(version, values, expected):
    if has("onnxruntime"):
        import onnxruntime
        session = onnxruntime.InferenceSession(version / "model.onnx")
        close("ONNX Runtime", session.run(["probabilities"], {"numeric": values})[0], expected)
    if has("openvino"):
        import openvino
        compiled = openvino.Core().compile_model(openvino.Core().read_model(version / "model.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        close("OpenVINO", compiled({"numeric": values})["probabilities"], expected)


def curl(server, rows, expected):
    def ask(path, *options):
        done = subprocess.run(["curl", "-s", *options, f"http://localhost:{server.port}{path}"], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    body = json.dumps({"signature_name": "serving_default", "instances": rows})
    close("curl, rows", [one["probabilities"] for one in ask("/v1/models/cancer:predict", "-d", body, "-X", "POST")["predictions"]], expected)
    columns = json.dumps({"inputs": {name: [row[name] for row in rows] for name in rows[0]}})
    close("curl, columns", ask("/v1/models/cancer:predict", "-d", columns)["outputs"]["probabilities"], expected)
    assert ask("/v1/models/cancer/versions/1")["model_version_status"][0]["state"] == "AVAILABLE"


def main():
    if sys.argv[1:2] == ["kserve"]:
        if not has("kserve"):
            return 77
        kserve(Path(sys.argv[2]), int(sys.argv[3]))
        return 0
    with jobs.Folder() as folder:
        jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "job", "--set", "trainer.epochs=2")
        base = folder / "job" / "export"
        names = [one["name"] for one in json.loads((base / "cancer/1/manifest.json").read_text())["columns"]]
        with (jobs.SOURCE / "datasets/cancer.csv").open() as file:
            rows = [{name: float(row[name]) for name in names} for row in csv.DictReader(file)][:64]
        values = numpy.array([[row[name] for name in names] for row in rows], numpy.float32)
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        answers = jobs.run("predict", base / "cancer", "--json-instances", folder / "rows.jsonl").stdout.splitlines()
        expected = numpy.array([json.loads(line)["probabilities"] for line in answers])
        with Server(base) as server:
            curl(server, rows, expected)
            if has("tritonclient.http") and has("tritonclient.grpc"):
                triton(server, values, expected)
                stopped(base, values)
            # In a process of its own: its messages have the names of tritonclient's.
            numpy.savez(folder / "asked.npz", values=values, expected=expected)
            done = subprocess.run([sys.executable, __file__, "kserve", folder, str(server.port)], capture_output=True, text=True)
            print(done.stdout, end="")
            assert done.returncode in (0, 77), done.stderr
            if done.returncode == 77:
                NOT_RUN.append("kserve")
        files(base / "cancer/1", values, expected)
    for one in NOT_RUN:
        print(f"not run: {one}")
    return 77 if NOT_RUN else 0


sys.exit(main())
