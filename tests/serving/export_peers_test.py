"""export_peers_test.py EXPORT_SAMPLES: ONNX Runtime, onnx.checker and Python's torch.jit.load read what is exported and give the
training model's answers."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.append(os.environ["LIBTORCH_PYTHON"])  # the wheels' torch, when this Python has none
import numpy as np
import onnx
import onnxruntime
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
from exported import input_names, output_names  # noqa: E402

TOLERANCE = 1e-5


def compare(what, got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    assert got.dtype == expected.dtype, f"{what}: type {got.dtype}, expected {expected.dtype}"
    if got.dtype == np.int64:
        assert (got == expected).all(), f"{what}: other classes"
        return 0.0
    difference = float(np.abs(got - expected).max())
    assert difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())), f"{what}: differs by {difference}"
    return difference


def check(folder, name):
    version = folder / name / "1"
    manifest = json.loads((version / "manifest.json").read_text())
    model = onnx.load(str(version / "model.onnx"))
    onnx.checker.check_model(model, full_check=True)
    parameters = {n for n, _ in torch.jit.load(str(version / "model.pt")).network.named_parameters()}
    initializers = {i.name for i in model.graph.initializer}
    assert parameters and parameters <= initializers, f"{name}: {parameters - initializers} are no initializers"
    session = onnxruntime.InferenceSession(str(version / "model.onnx"), providers=["CPUExecutionProvider"])
    script = torch.jit.load(str(version / "model.pt")).eval()
    largest = 0.0
    for numeric, words, values, decisions, _ in torch.load(folder / f"{name}.expected", weights_only=False):
        expected = [values.numpy()] + ([] if decisions is None else [decisions.numpy()])
        if manifest["head"]["form"] == "tokens":
            output = session.run(["logits"], {"tokens": numeric.numpy()})[0]
            rows = f"{name}, {len(numeric)} rows"
            largest = max(largest, compare(f"ONNX Runtime: {rows}", output, expected[0]),
                          compare(f"torch.jit: {rows}", script(numeric).numpy(), expected[0]))
            continue
        if "tensors" in manifest:  # their values, then their names
            feed = {n: tensor.numpy() for n, tensor in zip(words, numeric, strict=True)}
            assert list(words) == [one["name"] for one in manifest["tensors"]], words
            outputs, answers = session.run(output_names(manifest), feed), script(*numeric)
            answers = [answers] if decisions is None else list(answers)
            for output, answer, value in zip(outputs, answers, expected, strict=True):
                largest = max(largest, compare(f"ONNX Runtime: {name}", output, value), compare(f"torch.jit: {name}", answer.numpy(), value))
            continue
        of_numbers, of_words = input_names(manifest)
        feed = {n: np.array(w, dtype=object) for n, w in zip(of_words, words, strict=True)}
        feed |= {n: numeric[:, i].numpy() for i, n in enumerate(of_numbers)}
        if numeric.shape[1] and not of_numbers:
            feed["numeric"] = numeric.numpy()
        outputs = session.run(output_names(manifest), feed)
        answers = script(numeric, *[list(w) for w in words])
        answers = [answers] if decisions is None else list(answers)
        for output, answer, value in zip(outputs, answers, expected, strict=True):
            rows = f"{name}, {len(numeric)} rows"
            largest = max(largest, compare(f"ONNX Runtime: {rows}", output, value),
                          compare(f"torch.jit: {rows}", answer.numpy(), value))
    print(f"{name}: {len(model.graph.node)} nodes, largest difference {largest:.2g}")


with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], folder], check=True)
    folder = pathlib.Path(folder)
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert len(names) >= 12, names
    for name in names:
        check(folder, name)
