#!/usr/bin/env python3
"""Puts the faults of tests/mutants/faults.txt into a copy of the sources, one after the other, and says which test sees each.

    tools/mutants.py                       all of them: about two minutes each on two cores
    tools/mutants.py --only comm           those of a folder; or a part of their description
    tools/mutants.py --check               only whether each still fits its file

A fault is seen when a test with its folder's label fails; those of a program come first, then scripts and several ranks. The copy is
built in units (build/mutants), and of it only what these tests run, so that a fault costs one unit and a few programs that are linked
with it. At the end: a table, and exit code 1 where more than 5 in 100 were not seen."""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
COPY = SOURCE / "build/mutants/source"


@dataclass
class Fault:
    folder: str
    what: str
    file: str
    before: str
    after: str


def read_faults():
    faults = []
    for block in (SOURCE / "tests/mutants/faults.txt").read_text().split("\n== ")[1:]:
        title, file, *lines = block.rstrip("\n").split("\n")
        folder, what = title.split(": ", 1)
        before = "\n".join(line[1:] for line in lines if line.startswith("-"))
        after = "\n".join(line[1:] for line in lines if line.startswith("+"))
        faults.append(Fault(folder, what, file, before, after))
    return faults


def misfits(faults):
    """Those whose text does not stand in the file exactly once."""
    return [fault for fault in faults if (SOURCE / fault.file).read_text().count(fault.before) != 1]


def run(*command, **options):
    return subprocess.run(command, cwd=COPY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def build(*targets):
    return run("cmake", "--build", "--preset", "release", *(["--target", *targets] if targets else []))


def ctest(*more):
    return subprocess.run(["ctest", "--preset", "release", *more], cwd=COPY, capture_output=True, text=True).stdout


def tests_of(label):
    """Its tests: those that are a program of the build, and the others, scripts and several ranks; name → what they run of the build."""
    folder, plain, others = COPY / "build/release", {}, {}
    for test in json.loads(ctest("-L", f"^{label}$", "--show-only=json-v1"))["tests"]:
        words = [word for word in test.get("command", []) if word.startswith(f"{folder}/")]
        programs = {str(Path(word).relative_to(folder)) for word in words if Path(word).is_file()}
        if test.get("command", [""])[0] in words:
            plain[test["name"]] = programs
        else:
            others[test["name"]] = programs | {"bin/ringtrain"}
    return plain, others


def first_to_see(fault):
    for tests in tests_of(fault.folder):  # the cheap ones first
        if not tests:
            continue
        if build(*sorted(set().union(*tests.values()))).returncode != 0:
            return "the compiler"
        said = ctest("-j", "2", "--stop-on-failure", "-R", "^(" + "|".join(map(re.escape, tests)) + ")$")
        if failed := re.findall(r"^\s*\d+ - (\S+)", said.partition("The following tests FAILED:")[2], re.M):
            return failed[0]
    return None


def prepare():
    COPY.mkdir(parents=True, exist_ok=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=SOURCE, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, files):
        target = COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != (SOURCE / name).read_bytes():
            shutil.copyfile(SOURCE / name, target)  # with the time of now: an object of a fault may be newer than the source
            shutil.copymode(SOURCE / name, target)
    for data in (SOURCE / "datasets").glob("*"):
        if not (COPY / "datasets" / data.name).exists():
            shutil.copy2(data, COPY / "datasets")
    subprocess.run([COPY / "tools/configure.sh", "release"], cwd=COPY, check=True, stdout=subprocess.DEVNULL)
    built = build()
    if built.returncode != 0:
        raise SystemExit(f"the sources do not build as they are:\n{built.stdout[-2000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    faults = [fault for fault in read_faults() if options.only in (fault.folder, "") or options.only in fault.what]
    if wrong := misfits(faults):
        for fault in wrong:
            print(f"{fault.file}: the text of '{fault.what}' does not stand in it once", file=sys.stderr)
        return 1
    if options.check:
        print(f"{len(faults)} faults fit their files")
        return 0
    prepare()
    unseen = []
    for number, fault in enumerate(faults, 1):
        file = COPY / fault.file
        whole = file.read_text()
        began = time.monotonic()
        file.write_text(whole.replace(fault.before, fault.after))
        try:
            seen = first_to_see(fault)
        finally:
            file.write_text(whole)
        if seen is None:
            unseen.append(fault)
        print(f"{number:3} of {len(faults)}  {time.monotonic() - began:4.0f} s  {fault.folder}: {fault.what}: {seen or 'SEEN BY NONE'}", flush=True)
    print(f"{len(faults) - len(unseen)} of {len(faults)} seen")
    return 1 if len(unseen) > 0.05 * len(faults) else 0


sys.exit(main())
