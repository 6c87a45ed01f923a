"""Every mistake of mistakes_test.cpp in every data set: cancer.csv, and scikit-learn's wine and diabetes (digits and iris are only looked at for
false alarms). Slow; --soak runs it, without it nothing is done:

    PEERS_PYTHON tests/trainer/checks/soak.py --soak build/release/bin/tests/checks_mistakes_test
"""

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sklearn import datasets


def write(folder, name, bunch, names):
    with open(folder / f"{name}.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([str(one).replace(" ", "_").replace("(", "").replace(")", "") for one in bunch.feature_names] + ["target"])
        for row, target in zip(bunch.data, bunch.target):
            rows.writerow([f"{x:.9g}" for x in row] + [names[target] if names else f"{target:.9g}"])


def main():
    if sys.argv[1:2] != ["--soak"] or len(sys.argv) != 3:
        print(__doc__)
        return 2
    program = sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        for name, names in (("wine", ["one", "two", "three"]), ("diabetes", None)):
            write(Path(folder), name, getattr(datasets, f"load_{name}")(), names)
        code = subprocess.run([program], env=os.environ | {"RINGTRAIN_CHECK_DATA": folder}).returncode
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "digits", datasets.load_digits(), [f"d{i}" for i in range(10)])
        write(Path(folder), "iris", datasets.load_iris(), ["setosa", "versicolor", "virginica"])
        code |= subprocess.run([program, "--gtest_filter=*SoundData*"], env=os.environ | {"RINGTRAIN_CHECK_DATA": folder}).returncode
    return code


if __name__ == "__main__":
    sys.exit(main())
