"""A backend of Triton in Python, which does with a model's files and config.pbtxt what Triton's backends for PyTorch and ONNX Runtime do.
triton_core.py puts it into BACKENDS/pytorch/model.py and BACKENDS/onnxruntime/model.py."""

import json
import re
from pathlib import Path

import numpy
import triton_python_backend_utils as triton

ONNX_TYPES = {"TYPE_FP32": "tensor(float)", "TYPE_INT64": "tensor(int64)", "TYPE_STRING": "tensor(string)"}


class TorchScript:
    """Inputs and outputs by their places: INPUT__0, OUTPUT__1."""

    def __init__(self, file, config):
        import torch
        self.torch, self.module = torch, torch.jit.load(file)
        names = [port["name"] for port in config["input"] + config["output"]]
        assert all(re.fullmatch(r"(INPUT|OUTPUT)__\d+", name) for name in names), names

    def run(self, inputs):
        places = sorted(inputs, key=lambda name: int(name.split("__")[1]))
        with self.torch.inference_mode():
            outputs = self.module(*[self.torch.from_numpy(inputs[name].copy()) for name in places])
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return {f"OUTPUT__{i}": output.numpy() for i, output in enumerate(outputs)}


class Onnx:
    """Refuses, as Triton's backend does, a configuration that is not the model's."""

    def __init__(self, file, config):
        import onnxruntime
        self.session = onnxruntime.InferenceSession(file)
        self.require_same("input", config["input"], self.session.get_inputs())
        self.require_same("output", config["output"], self.session.get_outputs())

    @staticmethod
    def require_same(kind, ports, tensors):
        tensors = {one.name: one for one in tensors}
        assert kind == "output" or set(tensors) == {port["name"] for port in ports}, (set(tensors), ports)
        for port in ports:
            tensor = tensors[port["name"]]
            dims = port["reshape"]["shape"] if "reshape" in port else port["dims"]
            assert tensor.type == ONNX_TYPES[port["data_type"]] and tensor.shape[1:] == [int(dim) for dim in dims], (port, tensor)
            assert not isinstance(tensor.shape[0], int), f"{tensor.name} has no place for a batch: {tensor.shape}"

    def run(self, inputs):
        words = numpy.vectorize(bytes.decode, otypes=[object])
        inputs = {name: words(value) if value.dtype == object else value for name, value in inputs.items()}
        names = [one.name for one in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, inputs), strict=True))


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        file = Path(args["model_repository"]) / args["model_version"] / config["default_model_filename"]
        self.runner = {"pytorch": TorchScript, "onnxruntime": Onnx}[config["backend"]](str(file), config)
        self.inputs = [port["name"] for port in config["input"]]
        self.types = {port["name"]: triton.triton_string_to_numpy(port["data_type"]) for port in config["output"]}

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        outputs = self.runner.run({name: triton.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs})
        for name, kind in self.types.items():
            assert outputs[name].dtype == kind, f"{name} is {outputs[name].dtype}, config.pbtxt says {kind}"
        return triton.InferenceResponse([triton.Tensor(name, outputs[name]) for name in self.types])
