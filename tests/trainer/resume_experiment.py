"""A run that goes on is the same experiment: what decides it (seed, split, data, target, model, metric, ...) must be as in the checkpoint.
All differences are named at once, with both values, and each can be allowed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

SETTINGS = dict(trainer__epochs=2, trainer__evaluate_every_steps=0)


def resume(job, *more, expect=0, config="configs/cancer.yaml", **settings):
    return jobs.run("train", config, "--job-dir", job, "--no-export", "--resume", *more, *jobs.sets(**(SETTINGS | settings)), expect=expect)


def said(text, *parts):
    for part in parts:
        assert part in text, f"'{part}' is not in:\n{text}"


def steps_of(job):
    return sorted(int(path.name[5:]) for path in (job / "checkpoints").glob("step-*"))


def main():
    with jobs.Folder() as folder:
        job = folder / "job"
        jobs.run("train", "configs/cancer.yaml", "--job-dir", job, "--no-export", *jobs.sets(**SETTINGS))
        before = (job / "config.yaml").read_text(), steps_of(job)

        # All at once; nothing of the job folder is changed.
        refused = resume(job, seed=7, data__split__stratify=False, model__dropout=0.5, trainer__checkpoint__metric="f1", data__normalize="minmax", expect=5)
        said(refused.stderr, "is of another experiment", "seed: 3 in the checkpoint, 7 now", "data.split.stratify: true in the checkpoint, false now",
             "model.dropout: 0.2 in the checkpoint, 0.5 now", "trainer.checkpoint.metric: roc_auc in the checkpoint, f1 now",
             "data.normalize: standard in the checkpoint, minmax now", "--allow-changes seed,data.split.stratify,model.dropout,trainer.checkpoint.metric")
        assert before == ((job / "config.yaml").read_text(), steps_of(job))
        said(resume(job, "--allow-changes", "sed", seed=7, expect=2).stderr, "'sed'", "Did you mean 'seed'?")
        said(jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "new", "--allow-changes", "seed", expect=2).stderr, "give --resume")

        # Another content under the same name.
        lines = (jobs.SOURCE / "datasets/cancer.csv").read_text().splitlines()
        (folder / "other.csv").write_text("\n".join(lines[:1] + lines[2:]) + "\n")
        said(resume(job, "--train-file", folder / "other.csv", expect=5).stderr, "data.train_file: content with the hash", "--allow-changes data.train_file")
        (folder / "moved.csv").write_text("\n".join(lines) + "\n")

        # What says only how long, how fast and where is free: and the same file elsewhere.
        done = resume(job, "--ranks", 2, "--train-file", folder / "moved.csv", trainer__epochs=3, trainer__optimizer__lr=0.001, trainer__log_every_steps=5,
                      trainer__start_from="elsewhere/step-3", trainer__checkpoint__at_start=True)
        said(done.stderr, "going on after step", "trainer.start_from: elsewhere/step-3 has no effect", "at_start: true has no effect")

        # Allowed: said, and what was best by another measure is forgotten.
        done = resume(job, "--allow-changes", "seed,trainer.checkpoint.metric", trainer__epochs=4, seed=7, trainer__checkpoint__metric="f1")
        said(done.stderr, "seed: 3 in the checkpoint, 7 now (--allow-changes)", "(best so far)")
        said(resume(job, trainer__epochs=4, seed=7, trainer__checkpoint__metric="f1").stderr, "nothing is left to train")

        print("refused, allowed, free: as they should be")


main()
