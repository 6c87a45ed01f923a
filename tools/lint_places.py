"""Names, in clang-tidy's messages on standard input, the source and its line instead of the unit that
tools/lint_files.py joined it into."""

import re
import sys


def place(match):
    with open(match[1]) as file:
        above = file.readlines()[:int(match[2])]
    start = max(i for i, line in enumerate(above) if line.startswith("#line 1 "))
    return f'{above[start].split(chr(34))[1]}:{int(match[2]) - start - 1}:'


for message in sys.stdin:
    print(re.sub(r"^(/\S*/unit_\d+\.cpp):(\d+):", place, message), end="", flush=True)
