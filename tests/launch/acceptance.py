"""`ringtrain doctor --acceptance` here, on CPUs: all parts pass and stand in the report; a machine that fails one is not accepted."""

import json
import os
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

PARTS = ["machine", "collectives", "bandwidth", "equivalence", "resume", "faults"]


def accepted(folder):
    report_file = folder / "report.json"
    shown = jobs.run("doctor", "--acceptance", "--quick", "--ranks", 2, "--job-dir", folder / "jobs", "--output", report_file, timeout=400,
                     expect=None)
    print(shown.stdout, shown.stderr[-2000:])
    report = json.loads(report_file.read_text())
    assert shown.returncode == 0, json.dumps(report["parts"], indent=1)[-6000:]
    parts = {part["name"]: part for part in report["parts"]}
    assert list(parts) == PARTS and report["passed"] and report["complete"], report
    assert all(part["passed"] and part["seconds"] > 0 and part["summary"] for part in parts.values()), parts
    assert "LibTorch" in report["version"] and report["host"]["cores"] >= 1 and report["ranks"] == 2
    # 7 types, 5 sizes; on each three reductions, three under way, two roots, reduce_scatter, all_gather; and a last time.
    assert parts["collectives"]["details"]["cases"] == 7 * 5 * 10 + 10, parts["collectives"]["details"]
    assert len(parts["collectives"]["details"]["devices"]) == 2
    assert [row["bytes"] for row in parts["bandwidth"]["details"]["rows"]] == [4096 * 4**i for i in range(6)]
    assert set(parts["equivalence"]["details"]) == {"plain", "sharded", "overlapped"}
    assert parts["faults"]["details"]["killed_process"] > 0
    assert list((folder / "jobs").iterdir()) == [], "what was made is left over"


def refused(folder):
    """An mpirun that does nothing: every part that needs ranks fails, is said and stands in the report."""
    fake = folder / "bin" / "mpirun"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 3\n")
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    done = jobs.run("doctor", "--acceptance", "--quick", "--ranks", 2, "--job-dir", folder / "none", "--output", folder / "bad.json", expect=1,
                    timeout=200, env=os.environ | {"PATH": f"{fake.parent}:{os.environ['PATH']}"})
    assert "FAILED" in done.stdout and "SOME PARTS FAILED" in done.stdout, done.stdout
    report = json.loads((folder / "bad.json").read_text())
    assert [part["name"] for part in report["parts"]] == PARTS and not report["passed"] and report["complete"]
    assert not any(part["passed"] for part in report["parts"]), report["parts"]

    one = jobs.run("doctor", "--acceptance", "--ranks", 1, expect=2)
    assert "2 at least" in one.stderr, one.stderr


def main():
    with jobs.Folder() as folder:
        refused(folder)
        accepted(folder)


main()
