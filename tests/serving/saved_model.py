"""saved_model.py EXPORT_SAMPLES: TensorFlow loads what is exported as SavedModel and gives the training model's answers. Exits with 77 where
there is no TensorFlow (tools/bootstrap.sh --tensorflow installs it)."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
try:
    import numpy
    import tensorflow
except ImportError as error:
    print(f"NOT RUN: {error}; tools/bootstrap.sh --tensorflow installs it")
    sys.exit(77)

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from exported import input_names, output_names  # noqa: E402

TOLERANCE = 1e-5
# What attention needs has no mapping.
WITHOUT = {"built_in_gpt"}
TYPES = {"FloatStorage": numpy.float32, "LongStorage": numpy.int64, "DoubleStorage": numpy.float64, "BoolStorage": numpy.bool_}


class Reader(pickle.Unpickler):
    """Reads torch.save's zip format without PyTorch: tuples of tensors."""

    def __init__(self, archive, root):
        super().__init__(archive.open(f"{root}/data.pkl"))
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        if name == "_rebuild_tensor_v2":
            return self.tensor
        return type(name, (), {"__init__": lambda *_: None})

    def persistent_load(self, words):
        _, kind, key, *_ = words
        return numpy.frombuffer(self.archive.read(f"{self.root}/data/{key}"), TYPES[kind.__name__])

    @staticmethod
    def tensor(storage, offset, size, stride, *_):
        values = storage[offset:]
        return numpy.lib.stride_tricks.as_strided(values, size, [step * values.itemsize for step in stride])


def cases_of(file):
    with zipfile.ZipFile(file) as archive:
        return Reader(archive, archive.namelist()[0].split("/")[0]).load()


def largest_difference(folder, name):
    version = folder / name / "1"
    manifest = json.loads((version / "manifest.json").read_text())
    signature = tensorflow.saved_model.load(str(version), tags=["serve"]).signatures["serving_default"]
    largest, count = 0.0, 0
    for numeric, words, values, decisions, _ in cases_of(folder / f"{name}.expected"):
        named = "tensors" in manifest  # then their values, and their names
        of_numbers, of_words = ([], []) if named else input_names(manifest)
        numeric, words, named = (numpy.empty((len(values), 0)), [], dict(zip(words, numeric, strict=True))) if named else (numeric, words, {})
        feed = {key: tensorflow.constant(list(column), tensorflow.string) for key, column in zip(of_words, words, strict=True)}
        feed |= {key: tensorflow.constant(numeric[:, i]) for i, key in enumerate(of_numbers)}
        feed |= {key: tensorflow.constant(tensor) for key, tensor in named.items()}
        if numeric.shape[1] and not of_numbers:
            feed["numeric"] = tensorflow.constant(numeric)
        outputs = {key: value.numpy() for key, value in signature(**feed).items()}
        expected = dict(zip(output_names(manifest), [values] if decisions is None else [values, decisions], strict=True))
        assert outputs.keys() == expected.keys(), outputs.keys()
        for key, value in expected.items():
            assert outputs[key].shape == value.shape and outputs[key].dtype == value.dtype, (name, key, outputs[key].shape, value.shape)
            if key in ("class", "labels"):
                assert (outputs[key] == value).all(), name
            else:
                largest = max(largest, float(numpy.abs(outputs[key] - value).max()) / max(1.0, float(numpy.abs(value).max())))
        count += len(values)
    assert count == 1 + 2 + 7 + 64, count
    assert largest <= TOLERANCE, (name, largest)
    return largest


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        folder = Path(folder)
        names = sorted(path.parent.parent.name for path in folder.glob("*/1/saved_model.pb"))
        assert {"binary", "mixed", "words", "columns", "one_column", "regression", "labels", "values", "exponential", "convnet", "zoo", "built_in_linear", "built_in_mlp", "built_in_convnet", "built_in_resnet"} <= set(names), names
        assert WITHOUT.isdisjoint(names), names
        for name in names:
            print(f"{name}: largest difference {largest_difference(folder, name):.2g}")
    print(f"TensorFlow {tensorflow.__version__} gives the training model's answers")


main()
