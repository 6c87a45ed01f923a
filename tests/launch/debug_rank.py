"""--debug-rank: one rank waits for a debugger, a real gdb attaches, stops it where asked, and the job ends as always."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

TRAIN = ["train", "configs/cancer.yaml", "--no-export", "--set", "trainer.epochs=1", "--ranks", 3]


def main():
    shown = jobs.run(*TRAIN, "--debug-rank", 3, expect=2)
    assert "there is no rank 3 among 3" in shown.stderr, shown.stderr
    assert "give one of them too" in jobs.run(*TRAIN[:-2], "--debug-rank", 0, expect=2).stderr
    nothing = jobs.run(*TRAIN, "--debug-rank", 0, expect=2, env={"PATH": "/nonexistent"})
    assert "there is no gdbserver on PATH" in nothing.stderr, nothing.stderr
    if not shutil.which("gdb") or not shutil.which("gdbserver"):
        print("NOT RUN with a debugger: gdb or gdbserver is missing")
        sys.exit(77)
    command = jobs.run(*TRAIN, "--debug-rank", 1, "--dry-run").stdout
    assert re.search(r"-np 1 \S+ train .* : -np 1 \S*gdbserver --once localhost:0 \S+ train .* : -np 1 \S+ train ", command), command

    with jobs.Folder() as folder:
        words = [jobs.RINGTRAIN, *map(str, TRAIN), "--job-dir", str(folder / "job"), "--debug-rank", "1"]
        process = subprocess.Popen(words, cwd=jobs.SOURCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            output = ""
            while not (found := re.search(r"Listening on port (\d+)", output)):
                line = process.stdout.readline()
                assert line, output
                output += line
            assert "rank 1 waits in gdbserver" in output, output
            gdb = ["gdb", "-nx", "-batch", "-ex", "set sysroot /", "-ex", f"target remote localhost:{found[1]}", "-ex", "set breakpoint pending on", "-ex", "break MPI_Finalize",
                   "-ex", "handle SIGUSR1 SIGUSR2 nostop noprint", "-ex", "continue", "-ex", "print getpid() > 1", "-ex", "delete",
                   "-ex", "continue", jobs.RINGTRAIN]
            done = subprocess.run(gdb, capture_output=True, text=True, timeout=300)
            assert "MPI_Finalize" in done.stdout and "exited normally" in done.stdout, (done.stdout[-3000:], done.stderr[-2000:])
            output += process.communicate(timeout=60)[0]
            assert process.returncode == 0 and "Job folder" in output, output
        finally:
            process.kill()
    print("a rank was stopped by gdb and went on")


main()
