"""checkpoint: how long training waits for one, ringtrain against its own synchronous write and against torch.save of the same state."""

import tempfile

from workers import PROGRAMS, PYTHON, SOURCE, Workers


def run(report, settings):
    report.heading("checkpoint", "milliseconds that training waits (weights and AdamW's state); then MB/s to a durable file, on the disk of build/")
    for mebibytes in [4] if settings.quick else [4, 64]:
        with tempfile.TemporaryDirectory(prefix="bench-checkpoint-", dir=PROGRAMS.parent) as ours, \
                tempfile.TemporaryDirectory(prefix="bench-checkpoint-", dir=PROGRAMS.parent) as theirs, \
                Workers("ringtrain", 1, lambda path: [[str(PROGRAMS / "bench_checkpoint"), path, str(mebibytes), ours]]) as mine, \
                Workers("torch.save", 1, lambda path: [[PYTHON, str(SOURCE / "bench/peers/torch_save.py"), path, str(mebibytes), theirs]]) as peer:
            blocked, synchronous, saved, durable = [], [], [], []
            for _ in range(2 if settings.quick else settings.rounds):
                blocked.append(mine.ask("save")[0])
                saved.append(peer.ask("save")[0])
                synchronous.append(mine.ask("write")[0])
                durable.append(peer.ask("write")[0])
            size = blocked[0]["bytes"]
            seconds = lambda answers: [answer["seconds"] for answer in answers]
            rate = lambda answers: [size / answer["seconds"] / 1e6 for answer in answers]
            name = f"{size / 1e6:,.0f} MB"
            report.compare("checkpoint", f"{name}, training waits", seconds(blocked), seconds(synchronous), "ms", "synchronous write", scale=1e3)
            report.compare("checkpoint", f"{name}, training waits", seconds(blocked), seconds(saved), "ms", "torch.save", scale=1e3)
            report.compare("checkpoint", f"{name}, written", rate(synchronous), rate(durable), "MB/s", "torch.save and fsync", lower_is_better=False)
