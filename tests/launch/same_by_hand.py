"""`ringtrain train --ranks 2`, `mpirun -np 2 ringtrain train` and a run bound to cores give bit-identical weights; so do two runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402


def newest(job):
    name = (job / "checkpoints" / "latest").read_text().strip()
    return name, (job / "checkpoints" / name / "model.safetensors").read_bytes()


def without_ssh(arguments, folder):
    """On one host nothing is started by it; several hosts are told what is missing."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("mpirun", "orted", "prted", "prterun", "sh"):
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    environment = os.environ | {"PATH": str(tools)}
    jobs.run(*arguments, "--ranks", 2, "--job-dir", folder / "g", env=environment)
    jobs.run(*arguments, "--hosts", "localhost:2", "--job-dir", folder / "h", env=environment)
    far = jobs.run(*arguments, "--hosts", "localhost:1,far:1", "--job-dir", folder / "i", env=environment, expect=2).stderr
    assert far.startswith("ringtrain: host far is reached by ssh, and there is no ssh on PATH") and far.count("\n") == 1, far


def main():
    with jobs.Folder() as folder:
        arguments = ["train", "configs/cancer.yaml", "--no-export", "--set", "trainer.epochs=3"]
        shown_by_a = jobs.run(*arguments, "--ranks", 2, "--job-dir", folder / "a")
        jobs.run(*arguments, "--ranks", 2, "--job-dir", folder / "b")
        for name, options in (("c", ["--bind-to", "none"]), ("d", ["--bind-to", "core"])):
            command = ["mpirun", "--oversubscribe", *options, "-np", "2", jobs.RINGTRAIN, *arguments, "--job-dir", str(folder / name)]
            done = subprocess.run(command, cwd=jobs.SOURCE, capture_output=True, text=True, timeout=100)
            assert done.returncode == 0, done.stderr
        # Each rank has a log of its own; the terminal has rank 0's.
        for rank in (0, 1):
            text = (folder / "a" / "logs" / f"rank-0{rank}.log").read_text()
            assert f"[rank 0{rank}/02 " in text and f"{rank + 1} of 2 ranks of this host" in text, text
        assert "[rank 01/02" not in shown_by_a.stderr, shown_by_a.stderr
        first = newest(folder / "a")
        for name in "bcd":
            assert newest(folder / name) == first, f"run {name} gave other weights"
        # Inside an MPI job's environment, --ranks starts a job of its own.
        environment = os.environ | {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "1", "PMIX_RANK": "0"}
        jobs.run(*arguments, "--ranks", 2, "--job-dir", folder / "e", env=environment)
        assert newest(folder / "e") == first
        # A rank among others starts none, and says so once.
        nested = subprocess.run(["mpirun", "--oversubscribe", "-np", "2", jobs.RINGTRAIN, *arguments, "--ranks", "2", "--job-dir", str(folder / "f")],
                                cwd=jobs.SOURCE, capture_output=True, text=True, timeout=100)
        assert nested.returncode == 2 and nested.stderr.count("ringtrain: ") == 1, nested
        assert "one of 2 that mpirun or srun started" in nested.stderr and not (folder / "f").exists(), nested.stderr
        without_ssh(arguments, folder)
        assert newest(folder / "g") == first and newest(folder / "h") == first
        shown = jobs.run("train", "configs/cancer.yaml", "--ranks", 3, "--dry-run").stdout
        assert "mpirun" in shown and "-np 3" in shown and "train configs/cancer.yaml" in shown, shown
        print("the same bits, however it is started")


main()
