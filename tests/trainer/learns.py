"""The shipped configurations learn what they promise. usage: learns.py cancer|mnist|gpt_chars"""

import json
import sys
import time
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

PROMISES = {"cancer": ("roc_auc", 0.99), "mnist": ("accuracy", 0.96), "gpt_chars": ("perplexity", -7)}  # negative: at most
LICENSES = sorted(Path("/usr/share/common-licenses").glob("*"))


def unigram_perplexity(file):
    """Of a model that knows the frequencies of the whole file and nothing else."""
    counts = numpy.bincount(numpy.fromfile(file, "<u2"))
    shares = counts[counts > 0] / counts.sum()
    return float(numpy.exp(-(shares * numpy.log(shares)).sum()))


def main(name):
    metric, least = PROMISES[name]
    with jobs.Folder() as folder:
        more = []
        if name == "gpt_chars":
            if not LICENSES:
                return print("skipped: this system has no /usr/share/common-licenses")
            tokens = folder / "licenses.bin"
            jobs.run("generate", "chars", *LICENSES, "--output", tokens)
            print(f"gpt_chars: a unigram model has the perplexity {unigram_perplexity(tokens):.1f}")
            more = ["--train-file", tokens]
        begin = time.monotonic()
        jobs.run("train", f"configs/{name}.yaml", "--ranks", 2, "--job-dir", folder / name, *more, timeout=280)
        lines = [json.loads(line) for line in (folder / name / "log.jsonl").read_text().splitlines()]
        test = next(line for line in lines if line["event"] == "evaluation" and line["part"] == "test")
        print(f"{name}: {metric} {test[metric]:.4f} on the test part after {time.monotonic() - begin:.0f} s")
        assert test[metric] >= least if least > 0 else test[metric] <= -least, f"expected {least} (negative: at most)"


main(sys.argv[1])
