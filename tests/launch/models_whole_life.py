"""A residual network and a language model from training to serving, as a user does: train on two ranks, go on from a checkpoint to the
same bits, export, predict, and the same answers by ONNX Runtime. usage: models_whole_life.py resnet|gpt"""

import json
import sys
from pathlib import Path

import numpy
import onnxruntime

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

TEXT = "the quick brown fox jumps over the lazy dog. a lazy dog sleeps; the fox is quick.\n" * 120

RESNET = """
name: images
data: {{train_file: {folder}/pixels.csv, target: kind, split: {{train: 0.6, validation: 0.2, test: 0.2}}}}
model: {{type: resnet, depth: 20, image: [1, 8, 8]}}
task: {{type: classification}}
trainer:
  epochs: 12
  global_batch_size: 25
  optimizer: {{type: adamw, lr: 0.003}}
  checkpoint: {{every_steps: 5, keep: 99}}
"""
GPT = """
name: text
data: {{format: tokens, train_file: {folder}/text.bin, split: {{train: 0.8, validation: 0.1, test: 0.1}}}}
model: {{type: gpt, layers: 2, heads: 2, width: 32, context: 24, dropout: 0.1}}
task: {{type: language_model}}
trainer:
  epochs: 4
  global_batch_size: 25
  optimizer: {{type: adamw, lr: 0.01}}
  checkpoint: {{every_steps: 5, keep: 99, metric: perplexity}}
"""


def train(folder, config, job, *more):
    done = jobs.run("train", config, "--ranks", 2, "--job-dir", job, *more)
    lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    return done.stdout, next(line for line in lines if line["event"] == "evaluation" and line["part"] == "test")


def resumes_to_the_same_bits(folder, config, job):
    steps = sorted(int(path.name[5:]) for path in (job / "checkpoints").glob("step-*"))
    last = job / "checkpoints" / f"step-{steps[-1]}"
    files = ("model.safetensors", "optimizer.safetensors")
    before = [(last / name).read_bytes() for name in files]
    train(folder, config, job, "--checkpoint", 5)
    assert [(last / name).read_bytes() for name in files] == before, "other bits after the resume"
    print(f"resumed from step 5 of {steps[-1]}: the same bits")


def onnx(job, name, feeds, output):
    version = sorted((job / "export" / name).glob("[0-9]*"))[-1]
    session = onnxruntime.InferenceSession(str(version / "model.onnx"), providers=["CPUExecutionProvider"])
    return session.run([output], feeds)[0]


def predict(job, name, lines, folder):
    file = folder / "instances.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [json.loads(line) for line in jobs.run("predict", job / "export" / name, "--json-instances", file).stdout.splitlines()]


def resnet(folder):
    jobs.write_pixels(folder / "pixels.csv")
    config = folder / "config.yaml"
    config.write_text(RESNET.format(folder=folder))
    job = folder / "job"
    _, test = train(folder, config, job)
    assert test["accuracy"] >= 0.5, test  # a guess: 0.33
    rows = numpy.loadtxt(folder / "pixels.csv", delimiter=",", skiprows=1, usecols=range(64), max_rows=7).astype(numpy.float32)
    answers = predict(job, "images", rows.tolist(), folder)
    expected = onnx(job, "images", {"numeric": rows}, "probabilities")
    difference = numpy.abs(numpy.array([a["probabilities"] for a in answers]) - expected).max()
    assert difference <= 1e-5, difference
    print(f"resnet: accuracy {test['accuracy']:.3f}; predict and ONNX Runtime differ by {difference:.1e}")
    resumes_to_the_same_bits(folder, config, job)


def softmax(x):
    e = numpy.exp(x - x.max())
    return e / e.sum()


def gpt(folder):
    (folder / "text.txt").write_text(TEXT)
    jobs.run("generate", "chars", folder / "text.txt", "--output", folder / "text.bin")
    vocabulary = json.loads((folder / "text.vocabulary.json").read_text())["tokens"]
    tokens = numpy.fromfile(folder / "text.bin", "<u2")
    assert "".join(vocabulary[token] for token in tokens) == TEXT
    config = folder / "config.yaml"
    config.write_text(GPT.format(folder=folder))
    job = folder / "job"
    printed, test = train(folder, config, job)
    counts = numpy.unique(numpy.array(list(TEXT)), return_counts=True)[1] / len(TEXT)
    unigram = numpy.exp(-(counts * numpy.log(counts)).sum())
    assert test["perplexity"] < 0.5 * unigram, (test, unigram)
    assert abs(numpy.exp(test["loss"]) - test["perplexity"]) < 1e-9 and "perplexity" in printed
    prompt = "the quick brown f"
    (answer,) = predict(job, "text", [{"text": prompt}], folder)
    ids = [vocabulary.index(c) for c in prompt]
    padded = numpy.zeros((1, 24), numpy.int64)
    padded[0, :len(ids)] = ids
    logits = onnx(job, "text", {"tokens": padded}, "logits")[0]
    best = softmax(logits[len(ids) - 1])
    assert answer["next"][0]["token"] == best.argmax()
    assert abs(answer["next"][0]["probability"] - best.max()) <= 1e-5
    loss = -numpy.mean([numpy.log(softmax(logits[i])[ids[i + 1]]) for i in range(len(ids) - 1)])
    assert abs(answer["loss"] - loss) <= 1e-5
    print(f"gpt: perplexity {test['perplexity']:.2f} (unigram {unigram:.2f}); after {prompt!r}: {answer['next'][0]}")
    evaluation_is_the_same_on_any_number_of_ranks(folder, config, job)
    resumes_to_the_same_bits(folder, config, job)
    mistakes(folder, config)


def evaluation_is_the_same_on_any_number_of_ranks(folder, config, job):
    """The test part measured anew, with nothing left to train."""
    values = []
    last = max(int(path.name[5:]) for path in (job / "checkpoints").glob("step-*"))
    for ranks in (1, 3):
        jobs.run("train", config, "--ranks", ranks, "--job-dir", job, "--no-export", "--checkpoint", last)
        lines = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
        values.append([line for line in lines if line["event"] == "evaluation" and line["part"] == "test"][-1])
    assert abs(values[0]["loss"] / values[1]["loss"] - 1) < 1e-6, values
    assert values[0]["accuracy"] == values[1]["accuracy"], values


def mistakes(folder, config):
    def error(*settings, code):
        done = jobs.run("train", config, "--job-dir", folder / "mistake", "--overwrite", "--no-export", *settings, expect=code)
        return done.stderr
    text = error("--set", "model.vocabulary=5", code=2)
    assert "model.vocabulary: 5 is less than the 30 tokens of" in text, text
    (folder / "odd.bin").write_bytes(b"abc")
    text = error("--train-file", folder / "odd.bin", "--set", "model.vocabulary=300", code=3)
    assert "odd.bin: it has 3 bytes, an odd number" in text, text
    numpy.array([1, 2, 3], "<u2").tofile(folder / "short.bin")
    text = error("--train-file", folder / "short.bin", "--set", "model.vocabulary=300", code=3)
    assert "short.bin: 3 tokens are less than one sample of model.context + 1 = 25" in text, text
    text = error("--train-file", folder / "short.bin", code=2)
    assert "model.vocabulary: there is no" in text and "short.vocabulary.json" in text, text
    numpy.array([1, 400] * 50, "<u2").tofile(folder / "large.bin")
    text = error("--train-file", folder / "large.bin", "--set", "model.vocabulary=300", code=3)
    assert "large.bin: token 400 at position 1 is not in the vocabulary of 300" in text, text


with jobs.Folder() as folder:
    {"resnet": resnet, "gpt": gpt}[sys.argv[1]](folder)
