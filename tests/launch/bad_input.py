"""Bad input on two ranks: each has a message of its own that says what, where and what to do, once, and an exit code that is not 0;
no rank hangs (each run has a time limit), and nothing of an earlier run is lost."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

CANCER = (jobs.SOURCE / "datasets" / "cancer.csv").read_text()


class Cases:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def job(self):
        self.count += 1
        return self.folder / f"job-{self.count}"

    def refused(self, name, words, code, *arguments, config="configs/cancer.yaml", job=None, **settings):
        """A run that must end with `code` and one message that has all of `words`."""
        settings = dict(trainer__epochs=1) | settings
        done = jobs.run("train", config, "--ranks", 2, "--job-dir", job or self.job(), "--no-export", *arguments,
                        *jobs.sets(**settings), expect=code)
        self.check(name, done.stderr, words)

    @staticmethod
    def check(name, text, words):
        for word in words:
            assert word in text, f"{name}: '{word}' is not in:\n{text}"
        message = words[0]
        assert text.count(message) == 1, f"{name}: said {text.count(message)} times:\n{text}"
        said = next(line for line in text.splitlines() if message in line)
        print(f"{name}: {said}")

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


def edited(row, column, value):
    """cancer.csv with one field replaced; `row` counts from 1."""
    lines = CANCER.splitlines()
    fields = lines[row].split(",")
    fields[lines[0].split(",").index(column)] = value
    lines[row] = ",".join(fields)
    return "\n".join(lines) + "\n"


def long_file(rows, bad_row):
    lines = ["a,b,kind"] + [f"{i % 7}.5,{i % 11},{'yes' if i % 3 else 'no'}" for i in range(rows)]
    lines[bad_row] = f"1.5,oops,{'yes'}"
    return "\n".join(lines) + "\n"


def main():
    with jobs.Folder() as folder:
        cases = Cases(folder)
        yaml = (jobs.SOURCE / "configs" / "cancer.yaml").read_text()

        # files and data
        cases.refused("missing configuration", ["nowhere.yaml"], 2, config="nowhere.yaml")
        cases.refused("missing file", ["no/such.csv", "there is no such file"], 3, "--train-file", "no/such.csv")
        long = cases.file("long.csv", long_file(40000, 31337))
        cases.refused("wrong type in row 31,337", ["row 31,337", "'b'", "oops"], 3, "--train-file", long, data__target="kind")
        cases.refused("missing column", ["diagnosys", "Did you mean 'diagnosis'"], 3, data__target="diagnosys")
        cases.refused("missing feature", ["mean_radios", "Did you mean 'mean_radius'"], 3, data__features__numeric=["mean_radios"])
        cases.refused("NaN in a feature", ["row 17", "mean_area", "data.missing.numeric: mean"], 3,
                      "--train-file", cases.file("nan.csv", edited(17, "mean_area", "nan")))
        cases.refused("infinity", ["row 5", "mean_area"], 3, "--train-file", cases.file("inf.csv", edited(5, "mean_area", "inf")))
        one = "\n".join(line for line in CANCER.splitlines() if not line.endswith("benign")) + "\n"
        cases.refused("one class only", ["'malignant'", "diagnosis"], 3, "--train-file", cases.file("one.csv", one))
        cases.refused("empty file", ["empty.csv"], 3, "--train-file", cases.file("empty.csv", ""))
        cases.refused("header only", ["header.csv"], 3, "--train-file", cases.file("header.csv", CANCER.splitlines()[0] + "\n"))

        # configuration
        typo = cases.file("typo.yaml", yaml.replace("epochs:", "epoch:"))
        line = 1 + [n for n, text in enumerate(typo.read_text().splitlines()) if "epoch:" in text][0]
        done = jobs.run("train", typo, "--ranks", 2, "--job-dir", cases.job(), expect=2)
        cases.check("unknown key", done.stderr, ["trainer.epoch: ", "Did you mean 'epochs'", f"typo.yaml:{line}"])
        cases.refused("wrong type", ["trainer.epochs: expected a whole number", '"ten"'], 2, trainer__epochs="ten")
        cases.refused("negative learning rate", ["trainer.optimizer.lr: expected a positive number, got -1"], 2,
                      trainer__optimizer__lr=-1)
        cases.refused("batch smaller than the ranks", ["trainer.global_batch_size", "2 ranks"], 2, trainer__global_batch_size=1)
        cases.refused("unknown model", ["model.type: ", "Did you mean 'mlp'", "convnet"], 2, model__type="mpl")
        cases.refused("not YAML", ["broken.yaml"], 2, config=cases.file("broken.yaml", "a: [1\nb: }"))
        cases.refused("nccl without a GPU", ["comm.backend: nccl", "GPU"], 2, comm__backend="nccl")
        cases.refused("a GPU where there is none", ["trainer.device: cuda"], 2, trainer__device="cuda")
        cases.refused("unknown backend", ["comm.backend: unknown 'ncl'", "mpi"], 2, comm__backend="ncl")
        cases.refused("a loss that is not finite", ["the loss is", "trainer.optimizer.lr"], 7, trainer__optimizer__lr=1e30,
                      trainer__epochs=50, trainer__optimizer__type="sgd")

        # job folder
        (folder / "file").write_text("x")
        cases.refused("job folder not writable", ["cannot create the folder"], 2, job=folder / "file" / "job")
        cases.refused("job folder read-only", ["/proc/ringtrain"], 2, job=Path("/proc/ringtrain"))
        job = cases.job()
        settings = jobs.sets(trainer__epochs=2, trainer__checkpoint__every_steps=5)
        jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", job, "--no-export", *settings)
        cases.refused("an earlier run is not overwritten", ["holds a run already", "--resume", "--overwrite"], 2, job=job)
        cases.refused("nothing to resume", ["there is no checkpoint in"], 5, "--resume")

        # damaged checkpoints: the one named, the newest, all
        checkpoints = sorted((job / "checkpoints").glob("step-*"), key=lambda path: int(path.name[5:]))
        damage(checkpoints[-1] / "model.safetensors")
        cases.refused("the named checkpoint is damaged", ["model.safetensors does not match its checksum", checkpoints[-1].name], 5,
                      "--checkpoint", checkpoints[-1].name, job=job)
        cases.refused("no such checkpoint", ["there is no checkpoint"], 5, "--checkpoint", "step-12345", job=job)
        done = jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", job, "--no-export", "--resume", *settings)
        cases.check("the newest is damaged", done.stderr, ["trying the one before it", "going on after step"])
        for checkpoint in (job / "checkpoints").glob("step-*"):
            damage(checkpoint / "model.safetensors")
        cases.refused("all checkpoints are damaged", ["can be loaded"], 5, "--resume", job=job)
        jobs.run("train", "configs/cancer.yaml", "--ranks", 2, "--job-dir", job, "--no-export", "--overwrite", *settings)
        cases.refused("a checkpoint of another model", ["model.hidden: "], 5, "--resume", job=job, model__hidden=[9, 9])
        cases.refused("a checkpoint of another model, allowed", ["the shape"], 5, "--resume", "--allow-changes", "model", job=job, model__hidden=[9, 9])

        # one rank alone
        one_rank_fails(cases)


def damage(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x40
    file.write_bytes(content)


def one_rank_fails(cases):
    """Rank 1 is started with another file, or another configuration, by hand."""
    def launch(name, words, *second):
        base = [jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--job-dir", str(cases.job()), "--no-export"]
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "1", *base, ":", "-np", "1", *base, *second]
        done = subprocess.run(command, cwd=jobs.SOURCE, capture_output=True, text=True, timeout=60)
        assert done.returncode != 0, name
        cases.check(name, done.stderr, words)

    launch("another configuration on rank 1", ["differs between ranks", "rank 1 has"], "--set", "trainer.epochs=3")
    # The same words in the configuration, other content behind them: a folder of its own for rank 1.
    other = cases.folder / "elsewhere"
    (other / "datasets").mkdir(parents=True)
    here = ["sh", "-c", f'cd {other} && exec "$0" "$@"']

    def launch_elsewhere(name, words):
        base = [jobs.RINGTRAIN, "train", str(jobs.SOURCE / "configs/cancer.yaml"), "--job-dir", str(cases.job()), "--no-export"]
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "1", *base, ":", "-np", "1", *here, *base]
        done = subprocess.run(command, cwd=jobs.SOURCE, capture_output=True, text=True, timeout=60)
        assert done.returncode != 0, name
        cases.check(name, done.stderr, words)

    launch_elsewhere("rank 1 throws while loading", ["rank 1 of 2", "while reading the data", "datasets/cancer.csv"])
    (other / "datasets" / "cancer.csv").write_text(edited(3, "mean_area", "1000"))
    launch_elsewhere("other data on rank 1", ["differs between ranks", "rank 1 has"])


main()
