"""The core of NVIDIA's Triton on a model repository of ours: it takes config.pbtxt, loads the versions that are to be served, follows promotions while
it runs, and answers as `ringtrain predict` does, to 1e-5. Its backends for PyTorch and ONNX Runtime are not part of its package:
triton_backend.py stands for them. Exits with 77 where the core is not installed (tools/bootstrap.sh --triton)."""

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

BACKENDS = {"cancer": "pytorch", "chars": "pytorch", "columns": "onnxruntime", "prices": "pytorch", "shops": "onnxruntime"}
WORDS = ["air", "book", "café, \"old\"", "fuel"]
TOKENS = [3, 6, 9, 12]


def package():
    """Of the core: its folder, the stub of its Python backend for this Python, and the environment that both need."""
    folder = Path(importlib.util.find_spec("pytriton").origin).parent
    stub = folder / "tritonserver/python_backend_stubs" / f"{sys.version_info[0]}.{sys.version_info[1]}" / "triton_python_backend_stub"
    # The stub's Python takes its packages from the first python3 on the PATH.
    return folder / "tritonserver", stub, {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                                           "LD_LIBRARY_PATH": f"{sysconfig.get_config_var('LIBDIR')}:{folder.parent / 'nvidia_pytriton.libs'}"}


def why_not():
    for name in ("pytriton", "tritonclient", "onnxruntime", "torch"):
        if importlib.util.find_spec(name) is None:
            return f"there is no {name}; tools/bootstrap.sh --triton installs it"
    _, stub, environment = package()
    if not stub.exists():
        return f"the core has no Python backend for {sys.version}"
    needs = subprocess.run(["ldd", stub], env=environment, capture_output=True, text=True).stdout
    missing = re.findall(r"(\S+) => not found", needs)
    return f"the core's Python backend needs {', '.join(missing)}; on Debian the package libpython3.{sys.version_info[1]}" if missing else None


class Triton:
    """The core on `repositories`, on loopback; ends with everything that it started."""

    def __init__(self, folder, backends, *repositories, options=()):
        server, _, environment = package()
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            self.http, self.grpc = (f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two))
        (http_host, http_port), (grpc_host, grpc_port) = self.http.split(":"), self.grpc.split(":")
        self.log = folder / f"{backends.name}.log"
        command = [server / "bin/tritonserver", *(f"--model-repository={each}" for each in repositories), f"--backend-directory={backends}",
                   f"--http-address={http_host}", f"--http-port={http_port}", f"--grpc-address={grpc_host}", f"--grpc-port={grpc_port}",
                   "--allow-metrics=false", "--exit-on-error=false", "--exit-timeout-secs=5", "--model-control-mode=poll", "--repository-poll-secs=1", *options]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        import tritonclient.grpc
        import tritonclient.http
        self.clients = {tritonclient.http: tritonclient.http.InferenceServerClient(self.http), tritonclient.grpc: tritonclient.grpc.InferenceServerClient(self.grpc)}
        self.client = self.clients[tritonclient.http]
        self.until(self.lives)

    def lives(self):
        try:
            return self.client.is_server_live()
        except OSError:
            assert self.process.poll() is None, self.log.read_text()
            return False

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log.read_text()[-5000:]
            time.sleep(0.1)

    def index(self):
        """(model, version) -> (state, reason). A model that was not even tried has the version None."""
        return {(one["name"], one.get("version")): (one.get("state"), one.get("reason")) for one in self.client.get_model_repository_index()}

    def ready(self, name):
        return sorted(int(version) for (model, version), (state, _) in self.index().items() if model == name and state == "READY")

    def ask(self, module, model, inputs, outputs, version="", class_count=0):
        tensors = []
        for name, values in inputs.items():
            kind = {"f": "FP32", "i": "INT64", "O": "BYTES"}[values.dtype.kind]
            tensors.append(module.InferInput(name, list(values.shape), kind))
            tensors[-1].set_data_from_numpy(values)
        wanted = [module.InferRequestedOutput(name, class_count=class_count) for name in outputs]
        answer = self.clients[module].infer(model, tensors, model_version=str(version), outputs=wanted)
        return [answer.as_numpy(name) for name in outputs]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients.values():
            client.close()
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def make_backends(folder):
    """As Triton's backend directory is laid out. Copies: the core refuses links that lead out of it."""
    server, stub, _ = package()
    shutil.copytree(server / "backends/python", folder / "python")
    shutil.copy(stub, folder / "python")
    for name in set(BACKENDS.values()):
        (folder / name).mkdir()
        shutil.copy(Path(__file__).parent / "triton_backend.py", folder / name / "model.py")
    return folder


def train(folder, base, name, data, **settings):
    jobs.run("train", "configs/cancer.yaml", "--train-file", data, "--job-dir", folder / f"job-{name}-{len(list(base.glob('*/*')))}",
             *jobs.sets(name=name, export__repository=str(base), trainer__epochs=2, **settings))


def train_all(folder, base):
    draw = numpy.random.default_rng(7)
    amounts, hours, shops = draw.lognormal(3, 1, 600).round(3), draw.integers(0, 24, 600), draw.choice(WORDS, 600)
    frauds = (amounts > 40) & (shops == "air")
    quoted = ['"' + shop.replace('"', '""') + '"' for shop in shops]
    (folder / "shops.csv").write_text("amount,hour,shop,fraud\n" + "".join(map("{},{},{},{:d}\n".format, amounts, hours, quoted, frauds)))
    (folder / "prices.csv").write_text("amount,hour,price\n" + "".join(map("{},{},{}\n".format, amounts, hours, 3 * amounts + hours)))
    regression = {"data__target": "price", "data__split__stratify": False, "task__type": "regression", "trainer__checkpoint__metric": "mae"}
    train(folder, base, "cancer", "datasets/cancer.csv")
    train(folder, base, "cancer", "datasets/cancer.csv", seed=4)
    train(folder, base, "shops", folder / "shops.csv", data__target="fraud", data__features__categorical=["shop"])
    train(folder, base, "prices", folder / "prices.csv", **regression)
    train(folder, base, "columns", folder / "prices.csv", export__inputs="columns", **regression)
    jobs.write_tokens(folder / "chars.bin")
    (folder / "chars.yaml").write_text(f"""name: chars
data: {{format: tokens, train_file: {folder}/chars.bin, split: {{train: 0.8, validation: 0.1, test: 0.1}}}}
model: {{type: gpt, layers: 1, heads: 2, width: 16, context: 16, vocabulary: 20}}
task: {{type: language_model}}
trainer: {{epochs: 1, global_batch_size: 8}}
export: {{repository: {base}}}
""")
    jobs.run("train", folder / "chars.yaml", "--job-dir", folder / "job-chars")
    return {"amount": amounts[:40].astype(numpy.float32), "hour": hours[:40].astype(numpy.float32), "shop": shops[:40].astype(object)}


def cancer_rows(base):
    names = [one["name"] for one in json.loads((base / "cancer/1/manifest.json").read_text())["columns"]]
    header, *lines = (jobs.SOURCE / "datasets/cancer.csv").read_text().splitlines()
    rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines[:40]]
    return {name: numpy.array([float(row[name]) for row in rows], numpy.float32) for name in names}


def predict(folder, model, columns):
    rows = [dict(zip(columns, [value if isinstance(value, str) else float(value) for value in row], strict=True)) for row in zip(*columns.values(), strict=True)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [json.loads(line) for line in jobs.run("predict", model, "--json-instances", folder / "rows.jsonl").stdout.splitlines()]


def close(what, got, expected):
    expected = numpy.asarray(expected, numpy.float64)
    assert got.shape == expected.shape, (what, got.shape, expected.shape)
    worst = float((numpy.abs(got - expected) / numpy.maximum(1, numpy.abs(expected))).max())
    assert worst < 1e-5, (what, worst)
    print(f"{what}: {worst:.1e}")


def matrix(columns):
    return numpy.stack(list(columns.values()), axis=1)


def without_backends(folder, base):
    """As far as the core goes by itself: it wants the right backend, and finds nothing else to say. And what is wrong is found."""
    (folder / "none").mkdir()
    good = (base / "cancer/config.pbtxt").read_text()
    wrong = {"no_field": (good.replace("dims: [ 30 ]", "dimz: [ 30 ]"), "has no field named \"dimz\""),
             "no_dims": (good.replace("dims: [ 30 ]", ""), "must specify 'dims'"),
             "no_platform": (good.replace("pytorch_libtorch", "pytorch_libtorsch"), "unexpected 'platform' and 'backend' pair"),
             "other_size": (good.replace("dims: [ 1 ]", "dims: [ 3 ]"), "has different size for dims and reshape")}
    for name, (text, _) in wrong.items():
        shutil.copytree(base / "cancer/1", folder / "wrong" / name / "1")
        (folder / "wrong" / name / "config.pbtxt").write_text(text.replace('name: "cancer"', f'name: "{name}"'))
    with Triton(folder, folder / "none", base, folder / "wrong", options=["--disable-auto-complete-config"]) as triton:
        triton.until(lambda: {name for (name, version) in triton.index() if version} >= set(BACKENDS))
        index, log = triton.index(), triton.log.read_text()
        for name, backend in BACKENDS.items():
            # By itself it takes the newest version.
            version = "2" if name == "cancer" else "1"
            assert index[name, version] == ("UNAVAILABLE", f"Invalid argument: unable to find backend library for backend '{backend}', try specifying runtime on the "
                                            "model configuration."), (name, index)
        for name, (_, error) in wrong.items():
            assert error in log, (name, error, log)
            assert all("backend library" not in (reason or "") for (model, _), (_, reason) in index.items() if model == name), (name, index)


def requests(base, columns):
    """Of each model: the rows as predict takes them, the same as inputs of config.pbtxt, and the outputs."""
    cancer, numeric = cancer_rows(base), {name: columns[name] for name in ("amount", "hour")}
    return {"cancer": (cancer, {"INPUT__0": matrix(cancer)}, ["OUTPUT__0", "OUTPUT__1"]),
            "shops": (columns, {"numeric": matrix(numeric), "shop": columns["shop"].reshape(-1, 1)}, ["probabilities", "class"]),
            "prices": (numeric, {"INPUT__0": matrix(numeric)}, ["OUTPUT__0"]),
            "columns": (numeric, {name: values.reshape(-1, 1) for name, values in numeric.items()}, ["prediction"])}


def answers(triton, folder, base, asked):
    """Every model of a table by HTTP and gRPC, as predict says."""
    for name, (rows, inputs, outputs) in asked.items():
        expected = predict(folder, base / name, rows)
        for module in triton.clients:
            first, *classes = triton.ask(module, name, inputs, outputs)
            if not classes:
                close(f"{module.__name__}, {name}", first, [[one["prediction"]] for one in expected])
                continue
            close(f"{module.__name__}, {name}", first, [one["probabilities"] for one in expected])
            assert classes[0].tolist() == [[one["class"]] for one in expected]
            require_labels(triton.ask(module, name, inputs, outputs[:1], class_count=2)[0], expected, base / name)


def language_model(triton, folder, base):
    tokens = numpy.zeros((1, 16), numpy.int64)
    tokens[0, :len(TOKENS)] = TOKENS
    (folder / "tokens.jsonl").write_text(json.dumps(TOKENS) + "\n")
    likeliest = json.loads(jobs.run("predict", base / "chars", "--json-instances", folder / "tokens.jsonl").stdout)["next"]
    for module in triton.clients:
        (logits,) = triton.ask(module, "chars", {"INPUT__0": tokens}, ["OUTPUT__0"])
        assert logits.shape == (1, 16, 20), logits.shape
        last = numpy.exp(logits[0, len(TOKENS) - 1] - logits[0, len(TOKENS) - 1].max())
        close(f"{module.__name__}, chars", last[[one["token"] for one in likeliest]] / last.sum(), [one["probability"] for one in likeliest])


def require_labels(found, expected, model):
    """Triton's classification extension: "value:class:label", the likeliest first; labels are those of labels.txt."""
    labels = json.loads((model / "1/manifest.json").read_text())["labels"]
    assert found.shape == (len(expected), 2), found.shape
    for row, one in zip(found, expected, strict=True):
        values, classes, names = zip(*[text.decode().split(":", 2) for text in row], strict=True)
        assert float(values[0]) >= float(values[1]) and sorted(classes) == ["0", "1"], row
        for value, k, name in zip(values, classes, names, strict=True):
            assert abs(float(value) - one["probabilities"][int(k)]) < 1e-5 and name == labels[int(k)], (row, one)


def refused(triton, inputs):
    import tritonclient.utils
    many = numpy.zeros((1025, 30), numpy.float32)
    for module in triton.clients:
        for wrong, text in (({"INPUT__0": many}, "1024"), ({"INPUT__0": many[:2, :29]}, "[-1,30]"), ({"numeric": many[:1]}, "numeric"),
                            ({"INPUT__0": inputs["INPUT__0"].astype(numpy.int64)}, "expects 'FP32'")):
            try:
                triton.ask(module, "cancer", wrong, ["OUTPUT__0"])
            except tritonclient.utils.InferenceServerException as error:
                assert text in str(error), error
            else:
                raise AssertionError(f"answered, in spite of {text}")
        assert triton.ask(module, "cancer", {"INPUT__0": many[:1024]}, ["OUTPUT__0"])[0].shape == (1024, 2)


def versions(triton, folder, base, asked):
    """What `ringtrain versions` says is what the core loads, while it runs."""
    rows, inputs, outputs = asked
    expected = {version: [one["probabilities"] for one in predict(folder, base / "cancer" / str(version), rows)] for version in (1, 2)}
    assert numpy.abs(numpy.subtract(expected[1], expected[2])).max() > 1e-3, "the versions do not differ"
    module = next(iter(triton.clients))

    def change(*words, ready, live):
        jobs.run("versions", words[0], base / "cancer", *words[1:])
        triton.until(lambda: triton.ready("cancer") == ready)
        for version in ("", *ready):
            close(f"after {' '.join(words)}, version {version or 'unsaid'}", triton.ask(module, "cancer", inputs, outputs, version)[0], expected[version or live])

    change("promote", "1", ready=[1], live=1)
    change("promote", "2", ready=[2], live=2)
    change("policy", "all", ready=[1, 2], live=2)
    change("rollback", ready=[1], live=1)
    change("promote", "2", ready=[1, 2], live=2)


def damaged(folder, base):
    """The stand-in finds a configuration that is not the model's."""
    text = (base / "shops/config.pbtxt").read_text()
    assert "dims: [ 2 ]" in text
    (base / "shops/config.pbtxt").write_text(text.replace("dims: [ 2 ]", "dims: [ 3 ]", 1))
    with Triton(folder, folder / "backends", base) as triton:
        triton.until(lambda: triton.ready("cancer") and ("shops", "1") in triton.index() and triton.index()["shops", "1"][0] == "UNAVAILABLE")
        assert "AssertionError" in triton.index()["shops", "1"][1], triton.index()


def main():
    reason = why_not()
    if reason:
        print(f"NOT RUN: {reason}")
        return 77
    with jobs.Folder() as folder:
        base = folder / "base"
        base.mkdir()
        columns = train_all(folder, base)
        without_backends(folder, base)
        with Triton(folder, make_backends(folder / "backends"), base) as triton:
            triton.until(lambda: all(triton.ready(name) for name in BACKENDS))
            assert triton.ready("cancer") == [2] and triton.client.is_server_ready()
            asked = requests(base, columns)
            answers(triton, folder, base, asked)
            language_model(triton, folder, base)
            refused(triton, asked["cancer"][1])
            versions(triton, folder, base, asked["cancer"])
            print(f"Triton {triton.client.get_server_metadata()['version']} serves what is exported")
        damaged(folder, base)
    return 0


sys.exit(main())
