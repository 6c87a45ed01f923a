"""What the program that starts the ranks promises: one message that names the rank, no process left over, restarts that end when nothing is
gained by them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import alive, children, rank_pids, wait_for  # noqa: E402


def start(job, *more, epochs=2000, **settings):
    return subprocess.Popen([jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--ranks", "2", "--job-dir", str(job), "--no-export", *more,
                             *jobs.sets(trainer__epochs=epochs, trainer__early_stopping__patience=0, **settings)],
                            cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def training(job, process, step=40):
    """The ranks' pids, once this checkpoint is there."""
    wait_for(lambda: (job / f"checkpoints/step-{step}").exists() or process.poll() is not None, f"step {step}")
    return wait_for(lambda: len(pids := rank_pids(process.pid)) == 2 and pids, "ranks", 5)


def said(errors):
    return [line for line in errors.splitlines() if line.startswith("ringtrain:")]


def gone(pids, seconds=10):
    wait_for(lambda: not any(alive(pid) for pid in pids), f"end of the processes {pids}", seconds)


def a_killed_rank_is_named(folder):
    job = folder / "named"
    process = start(job, trainer__checkpoint__every_steps=40)
    pids = training(job, process)
    os.kill(pids[1], signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    lines = said(errors)
    print(lines)
    assert process.returncode == 137 and len(lines) == 1, (process.returncode, errors[-3000:])
    for text in ("rank 1 of 2 (host ", f", pid {pids[1]}) was ended by signal 9 (SIGKILL); it was ", "step ", "dmesg"):
        assert text in lines[0], (text, lines)
    gone(pids.values())
    assert "-----" not in errors and "mpirun" not in errors, errors[-2000:]


def nothing_is_left_over(folder):
    for what in ("mpirun", "supervisor"):
        job = folder / f"left-{what}"
        process = start(job, trainer__checkpoint__every_steps=40)
        pids = training(job, process)
        below = children(process.pid)
        os.kill(below[0] if what == "mpirun" else process.pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=30)
        gone([*below, *pids.values()])
        if what == "mpirun":
            assert said(errors) == ["ringtrain: mpirun was ended by signal 9 (SIGKILL)"], errors[-2000:]
        print(f"{what} killed: no process is left")
    assert not list(Path("/dev/shm").glob(f"ringtrain-ranks-*/rank-{len(pids)}"))


def it_gives_up(folder):
    job = folder / "hopeless"
    process = start(job, "--max-restarts", "9")
    last, kills = {}, 0
    while process.poll() is None:
        pids = rank_pids(process.pid)
        if pids and pids != last:
            last = pids
            for pid in pids.values():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            kills += 1
        time.sleep(0.05)
    errors = process.communicate()[1]
    print(errors[-900:])
    assert process.returncode == 137, process.returncode
    assert "given up: 3 attempts in a row ended at the same newest checkpoint" in errors and errors.count("\n  attempt ") == 3, errors[-3000:]


def it_ends_after_its_restarts(folder):
    job = folder / "restarts"
    process = start(job, "--max-restarts", "1", trainer__checkpoint__every_steps=40)
    for step in (40, 80):
        first = training(job, process, step)
        os.kill(first[0], signal.SIGKILL)
        gone([first[0]])
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 137 and "given up: it failed again after 1 restart" in errors, errors[-3000:]


def what_would_come_again_is_not_started_again(folder):
    wrong = jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--max-restarts", 3, "--job-dir", folder / "wrong", "--train-file", "nowhere.csv", expect=None)
    assert wrong.returncode in (2, 3) and "starting again" not in wrong.stderr, wrong.stderr
    for words, text in ((["--max-restarts", 2], "cannot start the ranks again"), (["--ranks", 2, "--max-restarts", 2, "--min-ranks", 1], "give --hosts"),
                        (["--hosts", "localhost:2", "--min-ranks", 1], "--max-restarts")):
        refused = jobs.run("train", "configs/cancer.yaml", *words, "--job-dir", folder / "refused", expect=2)
        assert text in refused.stderr, refused.stderr


def a_signal_ends_a_job_that_fails(folder):
    """It comes while mpirun ends the other ranks (and may end mpirun), when they have gone, and in the wait for the restart."""
    for when in ("at once", "without ranks", "in the wait"):
        job = folder / f"told {when}"
        process = start(job, "--max-restarts", "9", trainer__checkpoint__every_steps=40)
        pids = training(job, process)
        os.kill(pids[0], signal.SIGKILL)
        if when != "at once":
            wait_for(lambda: not rank_pids(process.pid), "end of the ranks", 10)
        if when == "in the wait":
            wait_for(lambda: not children(process.pid), "end of mpirun", 10)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=30)[1]
        print(f"told {when}: {said(errors)}")
        assert process.returncode == 75, (process.returncode, errors)
        assert "ended by a signal, before restart 1; --resume goes on" in errors, errors


def a_second_signal_ends_at_once(folder):
    """The first one waits for the end of the step, which a stopped rank does not reach."""
    job = folder / "impatient"
    process = start(job, "--max-restarts", "9", epochs=100000, trainer__checkpoint__every_steps=40)
    pids = training(job, process)
    os.kill(pids[1], signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, process.communicate()[1]
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=30)[1]
    seconds = time.monotonic() - began
    print(f"{seconds:.1f} s after the second SIGINT: exit {process.returncode}, {said(errors)}")
    assert seconds < 10 and "starting again" not in errors, errors[-3000:]
    assert process.returncode == 130, process.returncode
    assert errors.count("the ranks stop after this step, with a checkpoint; a second signal ends them at once") == 1, errors
    gone(pids.values())


def timeout_is_one_signal(folder):
    """It sends its signal to the process, and to the group that it put it in."""
    for ranks in (["--ranks", "2"], []):
        done = subprocess.run(["timeout", "--preserve-status", "--signal=INT", "3", jobs.RINGTRAIN, "train", "configs/cancer.yaml", *ranks, "--job-dir", str(folder / f"timeout{len(ranks)}"),
                               "--no-export", *jobs.sets(trainer__epochs=1000000, trainer__early_stopping__patience=0)],
                              cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60)
        text = done.stderr
        assert done.returncode == 75 and "stopped by a signal" in text and "second signal;" not in text, (done.returncode, text[-2000:])
        print(text.strip().splitlines()[-1])


def an_overwritten_run_is_not_resumed(folder):
    """The old run is at its end: a restart that went on from it would do nothing."""
    job = folder / "overwritten"
    settings = dict(trainer__checkpoint__every_steps=40, trainer__max_steps=200)
    assert start(job, **settings).wait(60) == 0
    process = start(job, "--overwrite", "--max-restarts", "3", trainer__checkpoint__every_steps=40, trainer__max_steps=400)
    pids = wait_for(lambda: len(found := rank_pids(process.pid)) == 2 and found, "ranks")
    os.kill(pids[1], signal.SIGKILL)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 0, errors[-3000:]
    assert "starting again from the beginning" in errors or "starting again from step" in errors, errors[-3000:]
    assert (job / "checkpoints/step-400").exists()
    log = (job / "log.jsonl").read_text()
    assert '"step":20,' in log and '"step":400,' in log


MPIRUN = r"""#!/usr/bin/env python3
import sys, time
border = "-" * 74 + "\n"
for words in ("Primary job  terminated normally, but 1 process returned\na non-zero exit code. Per user-direction, the job has been aborted.\n",
              "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).\n"):
    sys.stderr.write(border + words + border)
sys.stderr.flush()
time.sleep(1000)
"""


def an_mpirun_that_does_not_end_is_ended(folder):
    """As Open MPI 4.1.4's in one of thirty times that a rank is ended in the middle of MPI_Init."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "mpirun").write_text(MPIRUN)
    (tools / "mpirun").chmod(0o755)
    began = time.monotonic()
    done = jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", folder / "endless", expect=137,
                    env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"})
    print(f"{time.monotonic() - began:.1f} s: {said(done.stderr)}")
    assert len(said(done.stderr)) == 1 and "rank 1 of 2 (host vm) was ended by signal 9 (SIGKILL)" in said(done.stderr)[0], done.stderr


def main():
    with jobs.Folder() as folder:
        for part in (a_killed_rank_is_named, nothing_is_left_over, it_gives_up, it_ends_after_its_restarts,
                     what_would_come_again_is_not_started_again, a_signal_ends_a_job_that_fails, a_second_signal_ends_at_once, timeout_is_one_signal, an_overwritten_run_is_not_resumed,
                     an_mpirun_that_does_not_end_is_ended):
            part(folder)
            print(f"{part.__name__}: as promised", flush=True)


main()
