"""Nobody outside a kind compares its name: what others need to know of a kind (of data, model, task, optimizer, schedule, callback), they
ask it. The names are those that the sources give to kinds; a comparison is `== "name"` or `!= "name"`."""

import os
import re
import sys
from pathlib import Path

ROOT = Path(os.environ.get("RINGTRAIN_SOURCE", Path(__file__).parent.parent.parent))
FOLDERS = ("common", "comm", "data", "models", "serving", "trainer", "launch", "bench")
NAME = re.compile(r'std::string name\(\) const override \{ return "(\w+)"; \}')
# Words that mean something else, and where: "" is everywhere.
OTHER_MEANINGS = {"none": "", "step": "", "csv": "serving/batch/answer_text.cpp", "tokens": "serving/server/model_ports.cpp",
                  "classification": "serving/server/grpc_messages.cpp"}
# Exports of earlier versions said no more than their task's name.
OF_EARLIER_VERSIONS = "serving/repository/manifest.cpp"


def sources():
    for folder in FOLDERS:
        for suffix in ("*.cpp", "*.h"):
            yield from sorted((ROOT / folder).rglob(suffix))


def kinds():
    """Name -> the files that define it."""
    found = {}
    for file in sources():
        text = file.read_text()
        if "Kind" in text:
            for name in NAME.findall(text):
                found.setdefault(name, set()).add(file)
    return found


def main():
    known = kinds()
    for name in ("csv", "tokens", "linear", "mlp", "convnet", "resnet", "gpt", "binary_classification", "classification", "regression",
                 "multilabel_classification", "quantile_regression", "language_model", "sgd", "cosine", "ema", "swa"):
        assert name in known, f"the source of the kind {name} was not found: has the way it gives its name changed?"
    problems = []
    for file in sources():
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for name in re.findall(r'[=!]= "(\w+)"', line) + re.findall(r'"(\w+)" [=!]=', line):
                place = str(file.relative_to(ROOT))
                other = OTHER_MEANINGS.get(name)
                if name in known and file not in known[name] and place != OF_EARLIER_VERSIONS and other not in ("", place):
                    problems.append(f"{place}:{number}: the name of the kind '{name}' is compared: {line.strip()}")
    print("\n".join(problems) or f"{len(known)} kinds, whose names nobody else compares")
    return 1 if problems else 0


sys.exit(main())
