"""Signals when there is no step to finish: while the data are read, and during the export."""

import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import children, rank_pids, wait_for  # noqa: E402


def start(job, *arguments):
    return subprocess.Popen([jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--job-dir", str(job), *map(str, arguments)],
                            cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)


def checkpoints(job):
    return sorted(path.name for path in (job / "checkpoints").glob("step-*"))


def while_reading(file, job, way, ranks, one):
    """Sent as soon as the ranks have their logs, before they read. The job's text."""
    logs = job / "logs"
    for old in logs.glob("*"):
        old.unlink()
    last = logs / f"rank-{ranks - 1:02}.log"
    other_data = ["--allow-changes", "data.train_file"] if way == "--resume" else []
    process = start(job, way, *other_data, "--train-file", file, *(["--ranks", ranks] if ranks > 1 else []))
    wait_for(lambda: last.exists() or process.poll() is not None, "log of the last rank")
    process.send_signal(one)
    text = process.communicate(timeout=60)[1]
    assert process.returncode == 75, (process.returncode, text)
    return text


def before_the_first_step(folder):
    """What an earlier run left is still there, also where it was to be replaced."""
    job = folder / "early"
    jobs.run("train", "configs/cancer.yaml", "--job-dir", job, "--no-export", *jobs.sets(trainer__epochs=2))
    before = checkpoints(job)
    file = jobs.large_cancer_file(folder)
    assert before
    for way, ranks, one, next_time in (("--overwrite", 2, signal.SIGINT, "start it again"), ("--overwrite", 1, signal.SIGINT, "start it again"),
                                       ("--resume", 2, signal.SIGUSR1, "--resume goes on"), ("--resume", 1, signal.SIGTERM, "--resume goes on")):
        text = while_reading(file, job, way, ranks, one)
        assert text.count("stopped by a signal before the first step, with nothing changed; " + next_time) == 1, text
        if ranks == 2:
            assert "the ranks stop after this step, with a checkpoint; a second signal ends them at once" in text, text
        elif one == signal.SIGINT:
            assert "stopping after this step, with a checkpoint; Ctrl-C again ends at once" in text, text
        assert checkpoints(job) == before, (way, checkpoints(job), before)
        print(f"{way}, {ranks} ranks, {one.name}: {text.strip().splitlines()[-1]}")


def during_the_export(folder):
    """After the last step the run goes to its end: nothing is gained by leaving it. The export is checked by a process of its own."""
    for ranks in (2, 1):
        job = folder / f"late-{ranks}"
        process = start(job, *(["--ranks", ranks] if ranks > 1 else []), *jobs.sets(trainer__epochs=2))
        first = wait_for(lambda: rank_pids(process.pid).get(0), "rank 0") if ranks > 1 else process.pid
        checks = wait_for(lambda: children(first), "the process that checks the export")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        text = process.communicate(timeout=60)[1]
        assert process.returncode == 0, (process.returncode, text)
        assert list((job / "export").rglob("model.*")), "no export"
        print(f"a signal while process {checks[0]} checked the export, {ranks} ranks: exported")


def main():
    with jobs.Folder() as folder:
        before_the_first_step(folder)
        during_the_export(folder)


main()
