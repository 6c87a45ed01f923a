"""Two ranks on GPUs with NCCL: one that is stopped or killed is named while the other waits for it inside a collective, and the job starts again
and ends with the weights of an undisturbed one; a signal; a loss that is not finite; a GPU without room."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import gpus  # noqa: E402
import jobs  # noqa: E402
from processes import alive, rank_pids, wait_for  # noqa: E402

EPOCHS = 40
STEPS = EPOCHS * 11  # 341 training rows in batches of 32
SETTINGS = dict(trainer__epochs=EPOCHS, trainer__checkpoint__every_steps=50, trainer__watch__heartbeat_timeout=3,
                trainer__early_stopping__patience=0, trainer__evaluate_every_steps=1000)


def start(job, *more):
    return subprocess.Popen([jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--ranks", "2", "--job-dir", str(job), "--no-export", *more,
                             *gpus.sets(2, **SETTINGS)], cwd=jobs.SOURCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def same_weights(job, undisturbed):
    for file in ("model.safetensors", "optimizer.safetensors"):
        path = Path("checkpoints") / f"step-{STEPS}" / file
        assert (job / path).read_bytes() == (undisturbed / path).read_bytes(), f"{job.name}: other weights"


def begun(job, process):
    wait_for(lambda: (job / "checkpoints/step-50").exists() or process.poll() is not None, "checkpoint", 100)
    return wait_for(lambda: len(pids := rank_pids(process.pid)) == 2 and pids, "ranks", 5)


def disturbed(folder, undisturbed, what, victim, expected):
    job = folder / f"{what.name}-{victim}"
    process = start(job, "--max-restarts", "2")
    pids = begun(job, process)
    began = time.monotonic()
    os.kill(pids[victim], what)
    wait_for(lambda: not any(alive(pid) for pid in pids.values()), "end of the ranks", 30)
    ended = time.monotonic() - began
    _, errors = process.communicate(timeout=200)
    lines = [line for line in errors.splitlines() if line.startswith("ringtrain:")]
    print(f"{what.name} to rank {victim}: all ended after {ended:.1f} s\n  " + "\n  ".join(lines), flush=True)
    assert process.returncode == 0, errors[-3000:]
    assert ended < 15, ended
    for text in [*expected, f"rank {victim} of 2", f"pid {pids[victim]}"]:
        assert text in lines[0], (text, errors[-3000:])
    same_weights(job, undisturbed)


def signalled(folder, undisturbed):
    job = folder / "signalled"
    process = start(job)
    begun(job, process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 75 and "stopped by a signal after step" in errors, errors[-3000:]
    process = start(job, "--resume")
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors[-3000:]
    same_weights(job, undisturbed)
    print("SIGTERM: a checkpoint, and --resume ends with the same weights", flush=True)


def not_finite(folder):
    rows = [f"{i % 7},{i % 5},{3e38 if i == 9 else i % 7 - i % 5}" for i in range(200)]
    (folder / "spoilt.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    (folder / "spoilt.yaml").write_text(f"""
name: spoilt
data: {{train_file: {folder / 'spoilt.csv'}, target: y, split: {{train: 1, validation: 0, test: 0}}}}
model: {{type: linear}}
task: {{type: regression, scale_target: false}}
trainer: {{epochs: 3, global_batch_size: 20}}
export: {{enabled: false}}
""")
    done = jobs.run("train", folder / "spoilt.yaml", "--ranks", 2, "--job-dir", folder / "spoilt", *gpus.sets(2), expect=7)
    lines = [line for line in done.stderr.splitlines() if line.startswith("ringtrain:")]
    print("\n".join(lines), flush=True)
    assert len(lines) == 1, lines
    for text in ("at step ", "rank ", "of 2", "data rows 9 (0 is the first)", "the first parameter with such a gradient is"):
        assert text in lines[0], (text, lines)


HOLD = """
import torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(free - (200 << 20), dtype=torch.uint8, device="cuda")
print("held", flush=True)
input()
"""


def no_room(folder):
    """Another program has nearly all of the memory of GPU 0."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        done = jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", folder / "full", "--no-export", *gpus.sets(2), expect=None)
        holder.communicate("\n")
    lines = [line for line in done.stderr.splitlines() if line.startswith("ringtrain:")]
    print(f"no room on the GPU: exit code {done.returncode}\n  " + "\n  ".join(lines), flush=True)
    assert done.returncode not in (0, 134, 139) and len(lines) == 1 and "out of memory" in lines[0], done.stderr[-3000:]


def a_rank_is_lost(folder, undisturbed):
    process = start(undisturbed)
    begin = time.monotonic()
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors[-3000:]
    print(f"undisturbed: {time.monotonic() - begin:.1f} s", flush=True)
    gpus.require_used(undisturbed)
    disturbed(folder, undisturbed, signal.SIGSTOP, 1, ["gave no sign of life"])
    disturbed(folder, undisturbed, signal.SIGSTOP, 0, ["gave no sign of life"])
    disturbed(folder, undisturbed, signal.SIGKILL, 1, ["was ended by signal 9 (SIGKILL)"])
    signalled(folder, undisturbed)


def main():
    gpus.required()
    with jobs.Folder() as folder:
        parts = {"lost": lambda: a_rank_is_lost(folder, folder / "undisturbed"), "not_finite": lambda: not_finite(folder), "no_room": lambda: no_room(folder)}
        for name in sys.argv[1:] or parts:
            parts[name]()


main()
