"""Checkpoints and exports that an older version wrote (fixtures-0: ringtrain 0.1.0; fixtures-1: coded columns, signatures) load, and
answer as they did then: predict in every form, evaluate, serve by both protocols, the losses of a run that goes on and of one that starts
from a checkpoint. To the bit on a processor and a LibTorch as the recording's, else to 1e-6. make_fixtures*.py say what the files are; they
are not run again. What a later version may write is refused with its version and what to do."""

import ctypes
import ctypes.util
import json
import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import asking  # noqa: E402

PROGRAM = os.environ["RINGTRAIN"]
xxhash = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
xxhash.XXH3_64bits.restype = ctypes.c_uint64
xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


#: Metrics were sums in the order of rows once; now they are exact sums, rounded once.
METRICS = 1e-12


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
        if ".metrics." in where or ".evaluation." in where:
            tolerance = max(tolerance, METRICS)
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
    runs = sum(("resume" in one) + ("start_from" in one) for one in found["answers"].values())
    print(f"{fixtures.name}: {answers} rows, {len(found['serve'])} requests, the losses of {runs} runs {'to the bit' if tolerance == 0 else 'to 1e-6'}")


def change(file, field, value):
    content = json.loads(file.read_text())
    content[field] = value
    file.write_text(json.dumps(content))
    return file


def later_versions_are_refused(fixtures):
    """Each in one line that names the version and says what to do, on one rank as on two."""
    def refused(folder, *arguments, says):
        done = asking.runner(PROGRAM, folder)(*arguments, codes=range(1, 20))
        assert all(part in done.stderr for part in (*says, "use a newer ringtrain")), (arguments, done.stderr)
        assert done.stderr.count("use a newer ringtrain") == 1, done.stderr

    with asking.copy_of(fixtures) as copy:
        model, checkpoint = copy / "models/coded/1", copy / "jobs/coded/checkpoints/step-12"
        schema = (model / "schema.json").read_text()
        change(model / "schema.json", "schema_version", 9)
        refused(copy, "predict", "models/coded", "--csv", "rows/coded.csv", says=["schema.json", "version 9", "up to 3"])
        (model / "schema.json").write_text(schema)
        change(model / "manifest.json", "format", 7)
        (model / "schema.json").unlink()  # a later format need not have one
        refused(copy, "predict", "models/coded", "--csv", "rows/coded.csv", says=["manifest.json", "format 7", "up to 1"])
        refused(copy, "evaluate", "models/coded", "data/coded.csv", says=["format 7"])
        manifest = (checkpoint / "manifest.json").read_text()
        change(change(checkpoint / "manifest.json", "format", 4), "files", ["another form"])
        for ranks in (1, 2):
            refused(copy, "train", "coded.yaml", "--no-export", "--ranks", ranks, "--job-dir", "jobs/started",
                    "--set", "trainer.start_from=jobs/coded/checkpoints/step-12", says=["step-12", "format 4", "format 1"])
        (checkpoint / "manifest.json").write_text(manifest)
        later = change(checkpoint / "schema.json", "schema_version", 9).read_bytes()
        files = json.loads(manifest)["files"]
        files["schema.json"] = {"bytes": len(later), "xxh3": f"{xxhash.XXH3_64bits(later, len(later)):016x}"}
        change(checkpoint / "manifest.json", "files", files)
        for ranks in (1, 2):
            refused(copy, "train", "coded.yaml", "--no-export", "--resume", "--ranks", ranks, says=["schema", "version 9", "up to 3"])


def main():
    folders = sorted(Path(__file__).parent.glob("fixtures-*"))
    assert folders, "no fixtures"
    for folder in folders:
        check(folder)
    later_versions_are_refused(Path(__file__).parent / "fixtures-1")
    print("later versions are refused")


main()
