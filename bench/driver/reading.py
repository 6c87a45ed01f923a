"""reading: rows a second from Parquet to ready batches, and memory, against torch's DataLoader over pyarrow and MosaicML streaming."""

import importlib.util
import tempfile
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

from workers import PROGRAMS, PYTHON, SOURCE, Workers, mpirun

BATCH, COLUMNS, GROUP = 1024, 7, 100_000
#: MosaicML's rows are read one by one: fewer of them say as much.
ROWS, FEW_ROWS = 4_000_000, 300_000


def write_table(folder, rows):
    folder.mkdir()
    for number in range(2):
        random = numpy.random.default_rng(number)
        x = random.standard_normal((COLUMNS, rows // 2), dtype=numpy.float32)
        y = (x[0] + x[1] * x[2] > 0).astype(numpy.int64)
        table = pyarrow.table({f"x{c}": x[c] for c in range(COLUMNS)} | {"y": y})
        pyarrow.parquet.write_table(table, folder / f"part-{number}.parquet", row_group_size=min(GROUP, rows // 8))
    return folder


def ours(ranks, place, folder):
    return Workers("ringtrain", ranks, lambda path: [mpirun(ranks, PROGRAMS / "bench_reading", path, place, "y", BATCH, "true", folder)])


def peer(script, ranks, place, *more):
    return Workers(script, ranks, lambda path: [
        [PYTHON, str(SOURCE / "bench/peers" / script), path, str(place), "y", str(BATCH), str(rank), str(ranks), *map(str, more)] for rank in range(ranks)])


def epoch(workers, rows):
    answers = workers.ask("epoch")
    read = sum(answer["rows"] for answer in answers)
    assert abs(read - rows) <= rows // 100, f"{workers.name} read {read} of {rows} rows"  # MosaicML repeats some
    return rows / max(answer["seconds"] for answer in answers), max(answer["peak_bytes"] for answer in answers)


def compare(report, name, ranks, rows, mine, theirs, peer_name, rounds):
    first, theirs_first = epoch(mine, rows), epoch(theirs, rows)
    speeds, peaks = ([], []), ([], [])
    for _ in range(rounds):
        for side, workers in enumerate((mine, theirs)):
            speed, peak = epoch(workers, rows)
            speeds[side].append(speed)
            peaks[side].append(peak)
    report.compare("reading", f"{name}, {ranks} ranks", speeds[0], speeds[1], "rows/s", peer_name, lower_is_better=False)
    report.compare("reading", f"{name}, {ranks} ranks, peak", peaks[0], peaks[1], "MB", peer_name, scale=1e-6)
    report.compare("reading", f"{name}, {ranks} ranks, first", [first[0]], [theirs_first[0]], "rows/s", peer_name, lower_is_better=False)


def run(report, settings):
    report.heading("reading", f"batches of {BATCH} rows of {COLUMNS} columns, shuffled, from Parquet; nothing is trained")
    rows = 40_000 if settings.quick else ROWS
    few = 4_000 if settings.quick else FEW_ROWS
    rounds = 1 if settings.quick else settings.rounds
    with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder:
        folder = Path(folder)
        place, small = write_table(folder / "data", rows), write_table(folder / "small", few)
        for ranks in [1] if settings.quick else [1, 2]:
            with ours(ranks, place, folder) as mine, peer("parquet_loader.py", ranks, place) as theirs:
                compare(report, f"{rows:,} rows", ranks, rows, mine, theirs, "pyarrow + DataLoader", rounds)
            if importlib.util.find_spec("streaming") is None:
                continue
            with ours(ranks, small, folder) as mine, peer("mosaic_loader.py", ranks, small, folder / f"shards-{ranks}") as theirs:
                compare(report, f"{few:,} rows", ranks, few, mine, theirs, "MosaicML streaming", rounds)
