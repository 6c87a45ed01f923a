"""Runs the sessions of the pages: what stands below <!-- run -->, page by page, each page in a folder of its own with configs/ and
datasets/ in it. What stands below <!-- prints --> must be what the commands before it printed, line by line and in that order; numbers
may be others, `...` is any text, and lines between may be left out. Pages are the arguments, or all that have sessions."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(os.environ.get("RINGTRAIN_SOURCE", Path(__file__).parent.parent.parent))
RINGTRAIN = Path(os.environ["RINGTRAIN"])
PYTHON = Path(os.environ["PEERS_PYTHON"])
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?")
SECONDS = 100


def blocks(text):
    """(line number, "run" or "prints", lines) of each marked block, its four spaces taken away."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        mark = re.fullmatch(r"<!-- (run|prints) -->", line)
        if not mark:
            continue
        at = number + 1
        while at < len(lines) and not lines[at].strip():
            at += 1
        block = []
        while at < len(lines) and (lines[at].startswith("    ") or (not lines[at].strip() and block)):
            block.append(lines[at][4:])
            at += 1
        while block and not block[-1].strip():
            block.pop()
        yield number + 1, mark.group(1), block


def script_of(parts):
    """One script of all: what is started in the background goes on in later blocks."""
    script = ["set -euo pipefail"]
    for number, kind, block in parts:
        if kind == "run":
            script += [f"echo '@@ {number}'", *block]
    return "\n".join([*script, "echo '@@ end'"])


def pattern_of(line):
    """A line of a page as a pattern: white space and numbers are any, `...` is any text."""
    pieces = []
    for piece in re.split(r"(\.\.\.)", line.strip()):
        if piece == "...":
            pieces.append(".*")
            continue
        words = [NUMBER.sub("\0", word) for word in piece.split()]
        text = r"\s+".join(re.escape(word).replace(re.escape("\0"), r"[\d.,e+-]+").replace("\0", r"[\d.,e+-]+") for word in words)
        pieces.append((r"\s*" if piece[:1].isspace() else "") + text + (r"\s*" if piece[-1:].isspace() else ""))
    return re.compile("".join(pieces))


def unsaid(block, printed):
    """The lines of a page that were not printed, or not in that order. A line that ends the page's width may go on in the next one."""
    at, missing = 0, []
    wanted = []
    for line in block:
        if line.strip():
            if wanted and line.startswith("  ") and not wanted[-1][1].startswith("  ") and len(wanted[-1][0]) > 70:
                wanted[-1] = (wanted[-1][0] + " " + line.strip(), wanted[-1][1])
            else:
                wanted.append((line, line))
    for line, first in wanted:
        found = next((i for i in range(at, len(printed)) if any(pattern_of(one).search(printed[i]) for one in (line, first))), None)
        if found is None:
            missing.append(line)
        else:
            at = found + 1
    return missing


def run_page(page):
    parts = list(blocks(page.read_text()))
    name = page.relative_to(ROOT)
    with tempfile.TemporaryDirectory(prefix="session-") as folder:
        for link in ("configs", "datasets", "examples"):
            os.symlink(ROOT / link, Path(folder) / link)
        environment = dict(os.environ, PATH=f"{RINGTRAIN.parent}:{PYTHON.parent}:{os.environ['PATH']}", TERM="dumb")
        with open(Path(folder) / "printed", "w+") as output:
            process = subprocess.Popen(["bash", "-c", script_of(parts)], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True)
            try:
                code = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                code = f"nothing after {SECONDS} s"
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            output.seek(0)
            printed, current = {}, None
            for line in output.read().splitlines():
                if line.startswith("@@ "):
                    current = line[3:]
                    printed[current] = []
                elif current:
                    printed[current].append(line)
    problems = []
    if "end" not in printed:
        problems.append(f"{name}: the session below line {current} ended with {code}:\n  " + "\n  ".join(printed.get(current, [])[-15:]))
    last = None
    for number, kind, block in parts:
        if kind == "run":
            last = str(number)
            continue
        for line in unsaid(block, printed.get(last, [])):
            if str(last) in printed:
                problems.append(f"{name}:{number}: this was not printed, or not there: {line}\n    " + "\n    ".join(printed[last]))
    return problems


def main():
    names = sys.argv[1:] or [str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]]
    problems, count = [], 0
    for name in names:
        page = ROOT / name
        if "<!-- run -->" in page.read_text():
            count += 1
            found = run_page(page)
            print(f"{name}: {'as it says' if not found else 'NOT as it says'}", flush=True)
            problems += found
    assert count, "no page has a session"
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
