"""bench/run.sh --quick runs every bench, and its JSON is what docs/benchmarks.md says. Nothing here asks how fast anything was."""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(os.environ["RINGTRAIN_SOURCE"])
EVERY = ["step_time", "all_reduce", "slow_network", "startup", "memory", "scaling", "checkpoint", "watch", "serving", "reading"]
FIELDS = {"bench": str, "case": str, "ours": float, "peer": float, "unit": str, "ratio": float}
LOWER_IS_BETTER = {"ms", "us", "s", "MB"}


def check(row):
    if row["bench"] == "watch":  # shares of the training's own time: there is no peer, and noise may make them less than nothing
        assert row["unit"] == "%" and math.isfinite(row["ours"]) and row["ours_spread"][0] <= row["ours"] <= row["ours_spread"][1], row
        return
    for name, kind in FIELDS.items():
        assert isinstance(row.get(name), kind), f"{row}: {name} is not a {kind.__name__}"
    assert all(math.isfinite(row[name]) and row[name] > 0 for name in ("ours", "peer", "ratio")), row
    better = row["peer"] / row["ours"] if row["unit"] in LOWER_IS_BETTER else row["ours"] / row["peer"]
    assert math.isclose(row["ratio"], better, rel_tol=1e-9), f"{row}: a ratio above 1 must mean that ringtrain is better"
    for side in ("ours", "peer"):
        low, high = row[f"{side}_spread"]
        assert low <= row[side] <= high, row


def namespaces():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL).returncode == 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.json"
        command = [SOURCE / "bench/run.sh", "--quick", "--json", file]
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=380)
        print(done.stdout)
        assert done.returncode == 0, f"bench/run.sh --quick ended with {done.returncode}"
        rows = json.loads(file.read_text())
    for row in rows:
        check(row)
    expected = set(EVERY) - (set() if namespaces() else {"slow_network"})
    assert {row["bench"] for row in rows} == expected, {row["bench"] for row in rows} ^ expected
    print(f"{len(rows)} rows")


if __name__ == "__main__":
    sys.exit(main())
