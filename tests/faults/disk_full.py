"""A disk that fills up during a run, and has room again later: warnings, the last good checkpoint stays, a later one is written, the job ends
well. One that stays full: the job says so at its end, and what was written is still there."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import wait_for  # noqa: E402


class SmallDisk:
    def __init__(self, mebibytes):
        self.size = mebibytes

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="ringtrain-small-disk-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}m", "tmpfs", self.path], check=True)
        return self.path

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.path])
        shutil.rmtree(self.path, ignore_errors=True)


def fill(disk):
    with open(disk / "filler", "wb") as file:
        try:
            while True:
                os.write(file.fileno(), b"x" * 4096)
        except OSError:
            pass


def start(job, epochs):
    return subprocess.Popen([jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--ranks", "2", "--job-dir", str(job), "--no-export",
                             *jobs.sets(trainer__epochs=epochs, trainer__checkpoint__every_steps=200, trainer__evaluate_every_steps=1000)],
                            cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def main():
    if os.geteuid() != 0:
        print("NOT RUN: a small disk is mounted by root only")
        sys.exit(77)
    with SmallDisk(12) as disk:
        job = disk / "job"
        process = start(job, 2500)
        newest = lambda: max((int(path.name[5:]) for path in (job / "checkpoints").glob("step-*")), default=0)  # noqa: E731
        wait_for(lambda: newest() >= 600 or process.poll() is not None, "checkpoint")
        fill(disk)
        before = newest()
        log = job / "logs/rank-00.log"
        lines = []
        while process.poll() is None:  # its log is on the full disk: the terminal tells
            line = process.stderr.readline()
            lines.append(line)
            if "is not written" in line:
                break
        assert process.poll() is None, lines[-20:]
        text = lines[-1]
        assert "no room for a checkpoint" in text or "No space left" in text, text
        assert newest() >= before and (job / f"checkpoints/step-{newest()}/manifest.json").exists()
        (disk / "filler").unlink()
        resumed_at = newest()
        wait_for(lambda: newest() > resumed_at or process.poll() is not None, "checkpoint after room was made")
        rest = process.communicate(timeout=120)[1]
        assert process.returncode == 0, rest[-3000:]
        assert log.exists()
        print(f"went on: {text.strip()[-200:]}")

        shutil.rmtree(job)
        process = start(job, 700)
        wait_for(lambda: newest() >= 400 or process.poll() is not None, "checkpoint")
        fill(disk)
        rest = process.communicate(timeout=120)[1]
        said = [line for line in rest.splitlines() if line.startswith("ringtrain:")]
        print(said)
        assert process.returncode == 5 and len(said) == 1 and "the last checkpoint, of step" in said[0], (process.returncode, rest[-3000:])
        assert "make room, then --resume goes on from it" in said[0]
        (disk / "filler").unlink()
        done = subprocess.run([jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--ranks", "2", "--job-dir", str(job), "--no-export", "--resume",
                               *jobs.sets(trainer__epochs=700, trainer__checkpoint__every_steps=200, trainer__evaluate_every_steps=1000)],
                              cwd=jobs.SOURCE, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0 and (job / f"checkpoints/step-{700 * 11}").exists(), done.stderr[-2000:]
        print("resumed once there was room")


main()
