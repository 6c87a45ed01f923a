"""What the pages say stays true: lines of at most 100 columns, links that lead somewhere, commands and options that there are, and
keys of the configuration that there are. Says all that is wrong, with file and line."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("RINGTRAIN_SOURCE", Path(__file__).parent.parent.parent))
RINGTRAIN = os.environ["RINGTRAIN"]
COLUMNS = 100
# Logs and tables as they were printed; the history, which tells of commands that were.
AS_PRINTED = ("docs/measurements/",)
PLACEHOLDER = re.compile(r"[A-Z<\[{$*]|\.\.\.")


def pages():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, text=True, capture_output=True)
    names = listed.stdout.split() if listed.returncode == 0 else []
    if not names:
        names = [str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]]
    return [name for name in names if not name.startswith(("tests/", "launch/templates/"))]


def anchors(text):
    """Those that GitHub gives to headings."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        heading = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-"))
    return found


def check_lines(name, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS and not line.startswith("|"):
            yield f"{name}:{number}: {len(line)} columns; expected at most {COLUMNS}: {line[:60]}..."


def check_links(name, text):
    for match in re.finditer(r"\]\(([^)\s]+)\)", text):
        target = match.group(1)
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        number = text.count("\n", 0, match.start()) + 1
        if not path.exists():
            yield f"{name}:{number}: the link {target} leads nowhere"
        elif anchor and path.suffix == ".md" and anchor not in anchors(path.read_text()):
            yield f"{name}:{number}: {file or name} has no heading of the link {target}"


class Command:
    """The subcommands of ringtrain with their options, as --help says them."""

    def __init__(self):
        self.known = {}
        top = self.help()
        self.subcommands = set(re.findall(r"^  ([a-z][a-z_-]+) ", top.split("Subcommands:")[-1], re.MULTILINE))
        assert len(self.subcommands) > 15, top

    @staticmethod
    def help(*words):
        return subprocess.run([RINGTRAIN, *words, "--help"], text=True, capture_output=True, check=False).stdout

    def options(self, words):
        if words not in self.known:
            self.known[words] = set(re.findall(r"(?<![\w-])(--?[a-z][a-z0-9-]*)", self.help(*words)))
        return self.known[words]

    def problems(self, words):
        """Of the words behind `ringtrain`."""
        if not words or PLACEHOLDER.match(words[0]):
            return
        first = words[0].strip("`.,;:")
        if first.startswith("-"):
            if first not in self.options(()):
                yield f"ringtrain has no {first}"
            return
        if first not in self.subcommands:
            yield f"there is no `ringtrain {first}`"
            return
        path = (first,)
        inner = self.help(first).split("Subcommands:")
        if len(inner) > 1 and len(words) > 1 and re.search(rf"^  {re.escape(words[1])} ", inner[1], re.MULTILINE):
            path = (first, words[1])
        for word in words[1:]:
            option = re.match(r"(--[a-z][a-z0-9-]*)", word)
            if option and option.group(1) not in self.options(path) | self.options((first,)):
                yield f"`ringtrain {' '.join(path)}` has no {option.group(1)}"


def commands(text):
    """(line, words) of each `ringtrain ...` in blocks of code and between backticks; comments and pipes end it."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for number, line in enumerate(joined.splitlines(), 1):
        where = [line.strip()] if line.startswith("    ") else re.findall(r"`([^`]+)`", line)
        for piece in where:
            match = re.match(r"(?:\$ |mpirun [^;|]*? |srun [^;|]*? )?(?:\S*/)?ringtrain ([^#|;&>`]*)", piece)
            if match and "=" not in match.group(1).split(" ")[0]:
                yield number, re.split(r"\s{2,}", match.group(1).strip())[0].split()


def check_commands(name, text, command):
    for number, words in commands(text):
        for problem in command.problems(words):
            yield f"{name}: near line {number}: {problem}"


def check_keys(name, text, reference):
    """`data.streaming.window` and the like, and --set KEY=VALUE: the last names must stand in the reference below each other."""
    for key in set(re.findall(r"(?:`|--set '?)((?:data|model|task|trainer|comm|export)(?:\.[a-z_]+)+)[`=:]", text)):
        block, *rest = key.split(".")
        for part in rest:
            if not re.search(rf"^\s*#?\s*{part}:|`(?:[a-z_.]+\.)?{part}`|\b{part}\b", reference, re.MULTILINE):
                yield f"{name}: {key}: the configuration has no {part}"


def main():
    command = Command()
    reference = (ROOT / "docs/configuration.md").read_text()
    problems, count = [], 0
    for name in pages():
        text = (ROOT / name).read_text()
        problems += check_links(name, text)
        if name.startswith(AS_PRINTED):
            continue
        problems += check_lines(name, text.splitlines())
        if name != "CHANGELOG.md":
            count += sum(1 for _ in commands(text))
            problems += check_commands(name, text, command)
            problems += check_keys(name, text, reference)
    assert count > 100, f"only {count} commands were found: has the way they stand in the pages changed?"
    print("\n".join(problems) or f"{count} commands of {len(pages())} pages")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
