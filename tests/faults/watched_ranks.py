"""A rank that is stopped, and one whose reader sleeps, is named in time with host, pid and what it was doing; the job starts again and ends with
the weights of an undisturbed run. A slow but living rank is left alone, and so is a rank that was stopped together with its watcher."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import alive, rank_pids, wait_for  # noqa: E402

SETTINGS = dict(trainer__epochs=150, trainer__checkpoint__every_steps=100, trainer__watch__heartbeat_timeout=3,
                trainer__watch__stall_timeout__loading=3, data__prefetch_batches=2)
STEPS = 150 * 11  # 341 training rows in batches of 32


def command(job, *more, **settings):
    return [jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--ranks", "2", "--job-dir", str(job), "--no-export", *more,
            *jobs.sets(**(SETTINGS | settings))]


class Frozen:
    """One thread of a process stands still, the others go on: ptrace of that thread alone."""

    SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, pid, thread_name):
        for task in Path(f"/proc/{pid}/task").iterdir():
            if (task / "comm").read_text().strip() == thread_name:
                self.thread = int(task.name)
                break
        else:
            raise AssertionError(f"process {pid} has no thread '{thread_name}'")
        for request in (self.SEIZE, self.INTERRUPT):
            if self.libc.ptrace(request, self.thread, None, None) != 0:
                raise PermissionError(os.strerror(ctypes.get_errno()))
        os.waitpid(self.thread, self.WALL)

    def release(self):
        """A thread that was killed stays until its tracer has seen it."""
        try:
            os.waitpid(self.thread, self.WALL | os.WNOHANG)
        except ChildProcessError:
            pass


def begun(job, process):
    """Once the first checkpoint is there: the pids of the ranks."""
    wait_for(lambda: (job / "checkpoints/step-100").exists() or process.poll() is not None, "checkpoint")
    return wait_for(lambda: (pids := rank_pids(process.pid)) and len(pids) == 2 and pids, "ranks", 5)


def disturbed(folder, name, disturb, expected, meanwhile=lambda: None):
    job = folder / name
    process = subprocess.Popen(command(job, "--max-restarts", "2"), cwd=jobs.SOURCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pids = begun(job, process)
    began = time.monotonic()
    disturb(pids)
    victim = pids[1] if "zero" not in name else pids[0]

    def is_gone():
        meanwhile()
        return not alive(victim) and time.monotonic() - began

    gone = wait_for(is_gone, f"end of rank {victim}", 30)
    _, errors = process.communicate(timeout=100)
    print(f"{name}: ended after {gone:.1f} s\n" + "\n".join(line for line in errors.splitlines() if line.startswith("ringtrain:")))
    assert process.returncode == 0, errors[-3000:]
    assert gone < 8, f"it took {gone} s, with a limit of 3 s"
    for text in [*expected, f"pid {victim}"]:
        assert text in errors, (text, errors[-3000:])
    return job


def same_weights(job, undisturbed):
    for file in ("model.safetensors", "optimizer.safetensors"):
        path = Path("checkpoints") / f"step-{STEPS}" / file
        assert (job / path).read_bytes() == (undisturbed / path).read_bytes(), f"{job.name}: other weights"


def living(folder):
    """Both ranks stand still for longer than the limit (a suspended machine): nobody is blamed. A rank that is stopped for less than it: nor."""
    job = folder / "living"
    process = subprocess.Popen(command(job), cwd=jobs.SOURCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pids = begun(job, process)
    for stopped, seconds in ((list(pids.values()), 5), ([pids[1]], 1.5)):
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors[-3000:]
    assert "sign of life" not in errors, errors
    print("ranks that stood still together, or for a short while, are left alone")
    return job


def main():
    with jobs.Folder() as folder:
        undisturbed = folder / "undisturbed"
        subprocess.run(command(undisturbed), cwd=jobs.SOURCE, check=True, capture_output=True)
        same_weights(living(folder), undisturbed)
        stop = lambda rank: lambda pids: os.kill(pids[rank], signal.SIGSTOP)  # noqa: E731
        same_weights(disturbed(folder, "stopped", stop(1), ["rank 1 of 2", "gave no sign of life", "step "]), undisturbed)
        same_weights(disturbed(folder, "rank-zero-stopped", stop(0), ["rank 0 of 2", "gave no sign of life"]), undisturbed)
        held = []
        try:
            same_weights(disturbed(folder, "sleeping-reader", lambda pids: held.append(Frozen(pids[1], "reader")),
                                   ["rank 1 of 2", "alive but does not go on: loading a batch"],
                                   lambda: [thread.release() for thread in held]), undisturbed)
        except PermissionError as error:
            print(f"NOT RUN: a reader that sleeps; this machine forbids ptrace ({error})")


main()
