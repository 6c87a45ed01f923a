"""What the script tests share: running the command, reading a job folder. Only the standard library and numpy."""

import json
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy

RINGTRAIN = os.environ["RINGTRAIN"]
SOURCE = Path(os.environ["RINGTRAIN_SOURCE"])


def run(*arguments, expect=0, timeout=100, **options):
    """Runs `ringtrain ARGUMENTS`; returns the finished process. `expect`: its exit code, or None for any."""
    done = subprocess.run([RINGTRAIN, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, cwd=SOURCE, **options)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"ringtrain {' '.join(map(str, arguments))}\nended with {done.returncode}, not {expect}\n"
                             f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done


class Folder:
    """A temporary folder that goes when the test ends well, and stays to be looked at when it fails."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="ringtrain-test-"))
        return self.path

    def __exit__(self, kind, *_):
        if kind is None:
            shutil.rmtree(self.path)
        else:
            print(f"kept {self.path}")


def sets(**fields):
    """--set arguments; `__` in a name stands for a dot."""
    words = []
    for name, value in fields.items():
        words += ["--set", f"{name.replace('__', '.')}={json.dumps(value)}"]
    return words


def losses(job):
    lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if line["event"] == "step"]


TYPES = {"F64": numpy.float64, "F32": numpy.float32, "I64": numpy.int64}


def tensors(file):
    """Reads a safetensors file by its specification."""
    data = Path(file).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    result = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            result[name] = numpy.frombuffer(data[8 + length:][begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return result


def weights(job, step):
    return tensors(job / "checkpoints" / f"step-{step}" / "model.safetensors")


def relative_difference(a, b):
    """The largest difference of two arrays, relative to the largest value."""
    a, b = numpy.asarray(a, numpy.float64), numpy.asarray(b, numpy.float64)
    assert a.shape == b.shape, (a.shape, b.shape)
    return float(numpy.abs(a - b).max() / max(1e-300, numpy.abs(b).max())) if a.size else 0.0


def large_cancer_file(folder, times=400):
    """The rows of cancer.csv so often that reading them takes a second."""
    header, rows = (SOURCE / "datasets/cancer.csv").read_text().split("\n", 1)
    file = folder / "large.csv"
    file.write_text(header + "\n" + rows * times)
    return file


def write_tokens(file, tokens=2000, vocabulary=20, seed=0):
    """Tokens that a network can foretell: each is the one before plus 3, or anything in one of four cases."""
    random = numpy.random.default_rng(seed)
    values = [0]
    for _ in range(tokens - 1):
        values.append(int(random.integers(vocabulary)) if random.random() < 0.25 else (values[-1] + 3) % vocabulary)
    numpy.array(values, "<u2").tofile(file)


def write_pixels(file, rows=300, seed=0):
    """A small data set of 8x8 images in three classes that a network can learn."""
    random = numpy.random.default_rng(seed)
    labels = random.integers(0, 3, rows)
    pixels = random.normal(size=(rows, 64)) + numpy.repeat(numpy.eye(3)[labels], 21, axis=1) @ numpy.eye(63, 64) * 0.7
    lines = [",".join([f"p{i}" for i in range(64)] + ["kind"])]
    lines += [",".join([f"{x:.5f}" for x in row] + ["abc"[label]]) for row, label in zip(pixels, labels)]
    Path(file).write_text("\n".join(lines) + "\n")
