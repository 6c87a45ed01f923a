"""The shipped configurations learn what they promise. usage: learns.py cancer|mnist"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

PROMISES = {"cancer": ("roc_auc", 0.99), "mnist": ("accuracy", 0.96)}


def main(name):
    metric, least = PROMISES[name]
    with jobs.Folder() as folder:
        begin = time.monotonic()
        jobs.run("train", f"configs/{name}.yaml", "--ranks", 2, "--job-dir", folder / name)
        lines = [json.loads(line) for line in (folder / name / "log.jsonl").read_text().splitlines()]
        test = next(line for line in lines if line["event"] == "evaluation" and line["part"] == "test")
        print(f"{name}: {metric} {test[metric]:.4f} on the test part after {time.monotonic() - begin:.0f} s")
        assert test[metric] >= least, f"expected at least {least}"


main(sys.argv[1])
