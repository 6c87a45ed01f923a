"""Ranks that were started with another configuration, data file or model name the rank and what differs, in seconds; nothing is trained."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

MPIRUN = shutil.which("mpirun") or "mpirun"


def differ(job, first, second, expect, code):
    begin = time.monotonic()
    base = [jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--no-export", "--job-dir", str(job)]
    done = subprocess.run([MPIRUN, "--oversubscribe", "--bind-to", "none", "-np", "1", *base, *first, ":", "-np", "1", *base, *second],
                          cwd=jobs.SOURCE, capture_output=True, text=True, timeout=60, env=os.environ)
    seconds = time.monotonic() - begin
    said = [line for line in done.stderr.splitlines() if line.startswith("ringtrain:")]
    print(f"{seconds:.1f} s, exit {done.returncode}: {said}")
    assert done.returncode == code, done.stderr
    assert len(said) == 1, said
    for text in expect:
        assert text in said[0], (text, said)
    assert seconds < 10
    assert not (job / "checkpoints").exists() or not list((job / "checkpoints").glob("step-*"))


def main():
    with jobs.Folder() as folder:
        rows = (jobs.SOURCE / "datasets/cancer.csv").read_text().splitlines(keepends=True)
        here, there = folder / "here/cancer.csv", folder / "there/cancer.csv"
        for file, content in ((here, rows), (there, rows[:5] + [rows[5].replace("1", "2", 1)] + rows[6:])):
            file.parent.mkdir()
            file.write_text("".join(content))
        differ(folder / "a", ["--set", "trainer.optimizer.lr=0.01"], [], ["the configuration differs", "rank 1", "0.01", "0.003"], 2)
        differ(folder / "b", ["--set", "model.hidden=[8]"], [], ["the configuration differs", "rank 1", "hidden"], 2)
        # The same name, another content: each rank in a folder of its own, as on hosts without a shared disk.
        for rank, source in (("0", here), ("1", there)):
            os.makedirs(folder / f"host{rank}")
            shutil.copy(source, folder / f"host{rank}/data.csv")
        wrapper = folder / "on_its_host.sh"
        wrapper.write_text('#!/bin/sh\ncd "$1/host$OMPI_COMM_WORLD_RANK" && shift && exec "$@"\n')
        wrapper.chmod(0o755)
        begin = time.monotonic()
        done = subprocess.run([MPIRUN, "--oversubscribe", "--bind-to", "none", "-np", "2", str(wrapper), str(folder), jobs.RINGTRAIN, "train",
                               str(jobs.SOURCE / "configs/cancer.yaml"), "--train-file", "data.csv", "--job-dir", str(folder / "c")],
                              capture_output=True, text=True, timeout=60)
        said = [line for line in done.stderr.splitlines() if line.startswith("ringtrain:")]
        print(f"{time.monotonic() - begin:.1f} s, exit {done.returncode}: {said}")
        assert done.returncode != 0 and len(said) == 1, done.stderr
        assert "data.csv" in said[0] and "rank 1" in said[0], said
        assert time.monotonic() - begin < 10


main()
