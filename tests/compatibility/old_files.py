"""Checkpoints and exports that an older version wrote (fixtures-0: ringtrain 0.1.0) load, and answer as they did then: predict in every
form, evaluate, serve by both protocols, the losses of a run that goes on and of one that starts from a checkpoint. To the bit on a
processor and a LibTorch as the recording's, else to 1e-6. make_fixtures.py says what the files are; it is not run again."""

import json
import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import asking  # noqa: E402

PROGRAM = os.environ["RINGTRAIN"]


def differences(found, recorded, tolerance, where):
    """What differs, as lines; in objects fields may be new, but none may be gone."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        if "error" in recorded:
            return [] if "error" in found else [f"{where}: was refused, is answered now: {found}"]
        gone = [f"{where}.{key}: is gone; was {recorded[key]}" for key in recorded if key not in found]
        return gone + [line for key in recorded if key in found for line in differences(found[key], recorded[key], tolerance, f"{where}.{key}")]
    if isinstance(recorded, list) and isinstance(found, list):
        if len(found) != len(recorded):
            return [f"{where}: {len(found)} values; were {len(recorded)}"]
        return [line for i, (a, b) in enumerate(zip(found, recorded)) for line in differences(a, b, tolerance, f"{where}[{i}]")]
    if isinstance(recorded, float) and isinstance(found, (int, float)) and not isinstance(found, bool):
        same = found == recorded or math.isclose(found, recorded, rel_tol=tolerance, abs_tol=tolerance)
    else:
        same = found == recorded and type(found) is type(recorded)
    return [] if same else [f"{where}: {found!r}; was {recorded!r}"]


def check(fixtures):
    recorded = json.loads((fixtures / "answers.json").read_text())
    tolerance = 0.0 if asking.machine(PROGRAM) == recorded["machine"] else 1e-6
    with asking.copy_of(fixtures) as copy:
        found = asking.ask(PROGRAM, copy, recorded)
    lines = differences({key: found[key] for key in ("serve", "answers")}, {key: recorded[key] for key in ("serve", "answers")}, tolerance, fixtures.name)
    assert not lines, f"{len(lines)} answers differ from the recorded ones (tolerance {tolerance}):\n" + "\n".join(lines[:30])
    answers = sum(len(one["predict"]) for one in found["answers"].values())
    print(f"{fixtures.name}: {answers} rows, {len(found['serve'])} requests, the losses of {2 * len(found['answers'])} runs {'to the bit' if tolerance == 0 else 'to 1e-6'}")


def main():
    folders = sorted(Path(__file__).parent.glob("fixtures-*"))
    assert folders, "no fixtures"
    for folder in folders:
        check(folder)


main()
