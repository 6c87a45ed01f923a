"""Prepares clang-tidy's input for tools/lint.sh: writes a compilation database without g++'s precompiled header, and
prints the number of sources to look at and then the files to give it, one a line: of a unity build its units, without the
sources that are left out.

usage: lint_files.py BUILD_FOLDER OUTPUT_FOLDER [--all] [PART_OF_A_PATH...]

A source that includes LibTorch, itself or through our headers, takes clang-tidy half a minute: only with --all. So are tests, but for
those that are named.
"""

import functools
import json
import os
import re
import shlex
import sys

build, output = sys.argv[1:3]
everything = "--all" in sys.argv[3:]
words = [word for word in sys.argv[3:] if word != "--all"]
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
        elif argument not in ("-Winvalid-pch", "-Wno-subobject-linkage"):
            kept.append(argument)
    # `cmake -E env NAME=VALUE ccache g++ ...`: clang-tidy wants the compiler first.
    start = next(i for i, argument in enumerate(kept) if re.search(r"(^|/)[^/=]*(g\+\+|c\+\+|clang\+\+|gcc|cc)[-0-9.]*$", argument)
                 and not argument.endswith("ccache"))
    return kept[start:]


def sources_of(path):
    """Those of a unit of a unity build; else the file itself."""
    if not path.endswith("_cxx.cxx"):
        return [path]
    with open(path) as file:
        return re.findall(r'^#include "([^"]+)"', file.read(), re.M)


def wanted(source):
    return (source.startswith(root + "/") and not source.startswith(os.path.abspath(build) + "/") and os.path.exists(source)
            and (everything or words or not source.startswith(root + "/tests/")) and (everything or not includes_torch(source)) and (not words or any(word in os.path.relpath(source, root) for word in words)))


def joined(source):
    """The text itself, no #include of it: unused `using` declarations are looked for in the main file alone."""
    with open(source) as file:
        text = re.sub(r'^#include "([^"]+)"', lambda match: f'#include "{found(match[1], source)}"', file.read(), flags=re.M)
    return f'#line 1 "{source}"\n{text}\n'


def found(name, source):
    beside = os.path.join(os.path.dirname(source), name)
    return beside if os.path.isfile(beside) else name


os.makedirs(output, exist_ok=True)
with open(os.path.join(build, "compile_commands.json")) as file:
    commands = json.load(file)
entries, looked_at, sizes = [], set(), {}
for number, entry in enumerate(commands):
    chosen = [source for source in sources_of(entry["file"]) if wanted(source) and source not in looked_at]
    if not chosen:
        continue
    looked_at.update(chosen)
    path = chosen[0]
    if len(chosen) > 1:  # one parse of the headers for all of them
        path = os.path.join(os.path.abspath(output), f"unit_{number}.cpp")
        with open(path, "w") as file:
            file.write("".join(joined(source) for source in chosen))
    sizes[path] = len(chosen)
    arguments = without_gcc_only(shlex.split(entry["command"]))
    entries.append({"directory": entry["directory"], "file": path, "arguments": [path if word == entry["file"] else word for word in arguments]})
with open(os.path.join(output, "compile_commands.json"), "w") as file:
    json.dump(entries, file, indent=1)
print(len(looked_at))
for path in sorted(sizes, key=lambda path: -sizes[path]):  # the longest first
    print(os.path.relpath(path, root))
