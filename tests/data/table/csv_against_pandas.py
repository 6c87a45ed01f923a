"""Random tables, written by Python's csv module and by pandas in several dialects, are read back equal."""

import csv
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import pandas

WORDS = ["red", "Zürich", "naïve café", 'say "hi"', "a,b", "x;y", "tab\there", "pipe|d", "line\nbreak", "two\r\nlines",
         "", " blank", "it's", '"', '""', "'", "5'' nail", "12:30", "2024-05-01", "NA", "日本", "-", "a\\b"]


def number(rng, decimal):
    return rng.choice([f"{rng.randrange(1000)}.5", f"{rng.uniform(-10, 10):.2f}", f"{rng.gauss(0, 1e6):.4e}"]).replace(".", decimal)


def table(rng, decimal, words):
    """Names and rows: at least one column of numbers with decimals, so that the decimal mark can be seen."""
    width = rng.randrange(2, 9)
    kinds = ["float"] + [rng.choice(["float", "word", "whole"]) for _ in range(width - 1)]
    names = [f"c{i}" if rng.random() < 0.8 else f"{rng.choice(['größe, cm', 'price; EUR', 'a name', 'x|y'])} {i}" for i in range(width)]
    value = {"float": lambda: number(rng, decimal),
             "whole": lambda: str(rng.randrange(100000)), "word": lambda: rng.choice(words)}
    rows = [[value[kind]() for kind in kinds] for _ in range(rng.randrange(2, 60))]
    return names, rows


def by_csv_module(rng, folder, count):
    """Yields (file, header, rows, decimal)."""
    for i in range(count):
        delimiter, quoting = rng.choice(",;\t|"), rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
        decimal = "," if delimiter != "," and rng.random() < 0.5 else "."
        encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
        line_end = rng.choice(["\n", "\r\n", "\r"])
        words = [w for w in WORDS if encoding != "cp1252" or all(ord(c) < 0x250 for c in w)]
        if line_end == "\r":  # the module does not quote a \n then
            words = [w for w in words if "\n" not in w]
        names, rows = table(rng, decimal, words)
        if encoding == "cp1252":
            names[-1] += " é"
        file = folder / f"module{i}.csv"
        with open(file, "w", newline="", encoding=encoding) as out:
            writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
            writer.writerow(names)
            writer.writerows(rows)
        if rng.random() < 0.3:  # no line end behind the last row
            data = file.read_bytes()
            end = {"utf-16": "utf-16-le"}.get(encoding, encoding)
            for mark in ("\n", "\r"):
                tail = mark.encode(end if end != "utf-8-sig" else "utf-8")
                if data.endswith(tail):
                    data = data[: -len(tail)]
            file.write_bytes(data)
        yield file, names, rows, decimal


def by_pandas(rng, folder, count):
    for i in range(count):
        sep = rng.choice(",;\t|")
        decimal = "," if sep != "," and rng.random() < 0.5 else "."
        names, rows = table(rng, ".", [w for w in WORDS if w not in ("", "NA")])
        index = rng.random() < 0.5
        frame = pandas.DataFrame(rows, columns=names)
        for name in names:
            if "." in frame[name].iloc[0]:
                frame[name] = frame[name].astype(float)
        packed = rng.random() < 0.3
        file = folder / f"pandas{i}.csv{'.gz' if packed else ''}"
        frame.to_csv(file, sep=sep, decimal=decimal, index=index, lineterminator=rng.choice(["\n", "\r\n"]))
        texts = [[repr(value).replace(".", decimal) if isinstance(value, float) else value for value in row] for row in frame.values.tolist()]
        yield file, names, texts, decimal


def main(program):
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cases = list(itertools.chain(by_csv_module(rng, folder, 300), by_pandas(rng, folder, 100)))
        told = subprocess.run([program], input="".join(f"{case[0]}\n" for case in cases), capture_output=True, text=True, check=True)
        answers = [json.loads(line) for line in told.stdout.splitlines()]
        assert len(answers) == len(cases)
        wrong = 0
        for (file, names, rows, decimal), found in zip(cases, answers):
            expected = {"header": [n.strip() for n in names], "rows": rows, "decimal": decimal}
            seen = {key: found.get(key) for key in expected}
            if seen != expected:
                wrong += 1
                print(f"{file.name}: {found.get('error', found.get('dialect'))}\n  {file.read_bytes()[:300]!r}")
                for key in expected:
                    if seen[key] != expected[key]:
                        print(f"  {key}: expected {str(expected[key])[:200]}, got {str(seen[key])[:200]}")
        print(f"{len(cases)} files, {wrong} read differently")
        return wrong > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
