"""Prepares clang-tidy's input for tools/lint.sh: writes a compilation database without g++'s precompiled header, and
prints the source files to look at, one a line.

usage: lint_files.py BUILD_FOLDER OUTPUT_FOLDER [--all]

A file that includes LibTorch, itself or through our headers, takes clang-tidy half a minute: only with --all.
"""

import functools
import json
import os
import re
import shlex
import sys

build, output = sys.argv[1:3]
everything = "--all" in sys.argv[3:]
root = os.getcwd()


@functools.lru_cache(maxsize=None)
def includes_torch(path):
    with open(path, errors="replace") as file:
        names = re.findall(r'^#include [<"]([^>"]+)[>"]', file.read(), re.M)
    if any(re.match(r"(torch|ATen|c10|caffe2)/", name) for name in names):
        return True
    ours = [os.path.join(root, name) for name in names] + [os.path.join(os.path.dirname(path), name) for name in names]
    return any(os.path.isfile(name) and name != path and includes_torch(name) for name in ours)


def without_gcc_only(arguments):
    kept = []
    skip = False
    for i, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument == "-include" and "cmake_pch" in arguments[i + 1]:
            skip = True
        elif argument != "-Winvalid-pch":
            kept.append(argument)
    # `cmake -E env NAME=VALUE ccache g++ ...`: clang-tidy wants the compiler first.
    start = next(i for i, argument in enumerate(kept) if re.search(r"(^|/)[^/=]*(g\+\+|c\+\+|clang\+\+|gcc|cc)[-0-9.]*$", argument)
                 and not argument.endswith("ccache"))
    return kept[start:]


with open(os.path.join(build, "compile_commands.json")) as file:
    commands = json.load(file)
entries = []
for entry in commands:
    path = entry["file"]
    if not path.startswith(root + "/") or path.startswith(os.path.abspath(build) + "/") or not os.path.exists(path):
        continue
    entries.append({"directory": entry["directory"], "file": path,
                    "arguments": without_gcc_only(shlex.split(entry["command"]))})
os.makedirs(output, exist_ok=True)
with open(os.path.join(output, "compile_commands.json"), "w") as file:
    json.dump(entries, file, indent=1)
for path in sorted({entry["file"] for entry in entries}):
    if everything or not includes_torch(path):
        print(os.path.relpath(path, root))
