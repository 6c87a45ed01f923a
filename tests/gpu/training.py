"""Training on a GPU: the losses of the CPU, and the same weights whether steps are recorded as a CUDA graph or not; with NCCL on one rank, and
on two where there are two GPUs."""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

STEPS = 60
ARGUMENTS = ["train", "configs/cancer.yaml", "--no-export", "--set", "trainer.epochs=6", "--set", f"trainer.max_steps={STEPS}",
             "--set", "trainer.clip_norm=0.5", "--set", "model.dropout=0", "--set", "trainer.log_every_steps=1", "--set", "trainer.evaluate_every_steps=1000"]


def gpus():
    try:
        return subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout.count("GPU ")
    except (OSError, subprocess.CalledProcessError):
        return 0


def train(folder, *settings, ranks=1, more=()):
    words = [word for setting in settings for word in ("--set", setting)]
    jobs.run(*ARGUMENTS, *words, "--job-dir", folder, *(["--ranks", ranks] if ranks > 1 else []), *more, timeout=200)
    name = (folder / "checkpoints" / "latest").read_text().strip()
    log = (folder / "logs" / "rank-00.log").read_text()
    return jobs.losses(folder), (folder / "checkpoints" / name / "model.safetensors").read_bytes(), log


def close(ours, theirs, limit):
    assert len(ours) == len(theirs) == STEPS, (len(ours), len(theirs))
    worst = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))
    assert worst < limit, worst
    return worst


def main():
    count = gpus()
    if count == 0:
        print("no GPU: skipped")
        sys.exit(77)
    with jobs.Folder() as folder:
        on_cpu, _, _ = train(folder / "cpu", "trainer.device=cpu")
        for backend in ("auto", "nccl"):
            gpu = ("trainer.device=cuda", f"comm.backend={backend}")
            plain, plain_weights, _ = train(folder / f"{backend}-plain", *gpu, "trainer.cuda_graph=off")
            recorded, weights, log = train(folder / f"{backend}-graph", *gpu, "trainer.cuda_graph=on")
            assert "recorded as a CUDA graph, and replayed" in log, log
            result = {"backend": backend, "gpu - cpu": close(plain, on_cpu, 1e-4), "graph - plain": close(recorded, plain, 1e-6),
                      "same bits": weights == plain_weights}
            print(json.dumps(result))
            assert weights == plain_weights, "a recorded step gives other weights than a plain one"
        if count > 1:
            two_on_cpu, _, _ = train(folder / "cpu2", "trainer.device=cpu", ranks=2)
            for graph in ("off", "on"):
                two, _, _ = train(folder / f"two-{graph}", "trainer.device=cuda", f"trainer.cuda_graph={graph}", ranks=2)
                print(json.dumps({"ranks": 2, "graph": graph, "gpu - cpu": close(two, two_on_cpu, 1e-4)}))
        else:
            print("one GPU: two ranks were not tried")


main()
