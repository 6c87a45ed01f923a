"""A real Slurm of one machine (tools/emulate_slurm.sh): ranks by srun and by mpirun, submitted jobs that fail, are cancelled, are
requeued, and what Slurm refuses."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

TOOL = str(jobs.SOURCE / "tools/emulate_slurm.sh")
SHORT = ["configs/cancer.yaml", "--no-export", "--set", "trainer.epochs=2"]
LONG = ["configs/cancer.yaml", "--no-export", "--set", "trainer.epochs=400"]


class Cluster:
    def __init__(self, folder):
        self.folder = folder / "slurm"

    def __enter__(self):
        subprocess.run([TOOL, self.folder, "up"], check=True, timeout=100)
        return self

    def __exit__(self, *_):
        subprocess.run([TOOL, self.folder, "down"], check=True, timeout=100)

    def run(self, *command, expect=0, limit=30):
        """`limit`: seconds after which a user would lose patience."""
        begin = time.monotonic()
        done = subprocess.run([TOOL, self.folder, "run", *map(str, command)], cwd=jobs.SOURCE, capture_output=True, text=True, timeout=100)
        assert expect is None or done.returncode == expect, (command, done.returncode, done.stdout[-2000:], done.stderr[-3000:])
        assert time.monotonic() - begin < limit, (command, time.monotonic() - begin)
        return done

    def submit(self, *arguments):
        """The job's number and what was printed."""
        shown = self.run(jobs.RINGTRAIN, "submit", *arguments).stdout
        return shown.split("Submitted  job ")[1].split(":")[0], shown

    def state(self, job):
        fields = self.run("scontrol", "--oneliner", "show", "job", job).stdout.split()
        return dict(field.split("=", 1) for field in fields if "=" in field)

    def wait(self, job, states, seconds=90):
        end = time.monotonic() + seconds
        while (state := self.state(job))["JobState"] not in states:
            assert time.monotonic() < end, state
            time.sleep(0.2)
        return state


def last_weights(job):
    return jobs.tensors(job / "checkpoints" / (job / "checkpoints" / "latest").read_text().strip() / "model.safetensors")


def same(ours, theirs):
    for name, tensor in last_weights(theirs).items():
        assert jobs.relative_difference(last_weights(ours)[name], tensor) == 0, name


def said(text, *words):
    for word in words:
        assert word in text, f"'{word}' is not in: {text}"


def log_of(job_dir, job):
    return (job_dir / f"slurm-{job}.log").read_text()


def ranks_of_srun(cluster, folder):
    jobs.run("train", *SHORT, "--ranks", 2, "--job-dir", folder / "local")
    cluster.run("srun", "-n", 2, "--mpi=pmix", jobs.RINGTRAIN, "train", *SHORT, "--job-dir", folder / "srun")
    same(folder / "srun", folder / "local")
    # One task is a process by itself, whatever the plugin.
    cluster.run("srun", "-n", 1, "--mpi=none", jobs.RINGTRAIN, "train", *SHORT, "--job-dir", folder / "one")

    for plugin in ("pmi2", "none"):
        done = cluster.run("srun", "-n", 2, f"--mpi={plugin}", jobs.RINGTRAIN, "train", *SHORT, "--job-dir", folder / "wrong", expect=4)
        said(done.stderr, f"its MPI plugin '{plugin}'", "srun --mpi=pmix", "srun started 2 processes")
        assert done.stderr.count("ringtrain: srun started") == 1, "said once"
        assert not (folder / "wrong").exists()


def an_allocation(cluster, folder):
    """`train` takes it, whole or a part, and no more."""
    cluster.run("salloc", "-Q", "-n", 2, jobs.RINGTRAIN, "train", *SHORT, "--job-dir", folder / "salloc")
    same(folder / "salloc", folder / "local")
    cluster.run("salloc", "-Q", "-n", 3, jobs.RINGTRAIN, "train", *SHORT, "--ranks", 2, "--job-dir", folder / "part")
    same(folder / "part", folder / "local")
    full = cluster.run("salloc", "-Q", "-n", 2, jobs.RINGTRAIN, "train", *SHORT, "--ranks", 3, "--job-dir", folder / "full", expect=2)
    said(full.stderr, "3 ranks", "has room for 2", "--ntasks")
    odd = cluster.run("salloc", "-Q", "-n", 2, "env", "SLURM_NTASKS=two", jobs.RINGTRAIN, "train", *SHORT, expect=2)
    said(odd.stderr, "cannot read 'two'")


def until_it_trains(job_dir, job):
    steps = job_dir / "log.jsonl"
    end = time.monotonic() + 30
    while not steps.exists() or len(steps.read_text().splitlines()) < 20:
        assert time.monotonic() < end, log_of(job_dir, job)
        time.sleep(0.05)


def submitted(cluster, folder, launcher):
    """A job that is warned of its end goes on by itself, to the bits of an undisturbed one."""
    job_dir = folder / f"with {launcher}"
    job, shown = cluster.submit(*LONG, "--ranks-per-node", 2, "--time", 5, "--launcher", launcher, "--job-dir", job_dir)
    said(shown, "1 nodes × 2 ranks", f"tail -F {job_dir}/slurm-{job}.log", f"squeue --job {job}", f"scancel {job}")
    cluster.wait(job, ["RUNNING"])
    until_it_trains(job_dir, job)
    cluster.run("scancel", "--signal=USR1", "--batch", job)  # as --signal=B:USR1@120 does
    state = cluster.wait(job, ["COMPLETED", "FAILED"])
    text = log_of(job_dir, job)
    assert state["JobState"] == "COMPLETED" and state["Restarts"] == "1", (state, text)
    said(text, f"2 ranks by {launcher}", "checkpoint written, queued again", "going on after step")
    same(job_dir, folder / "undisturbed")


def requeued(cluster, folder):
    """Taken away in the middle without a warning: it goes on from the newest checkpoint."""
    job_dir = folder / "requeued"
    job, _ = cluster.submit(*LONG, "--ranks-per-node", 2, "--time", 5, "--job-dir", job_dir, "--set", "trainer.checkpoint.every_steps=40")
    until_it_trains(job_dir, job)
    cluster.run("scontrol", "requeue", job)
    # Slurm holds a job that was requeued for a while.
    state = cluster.wait(job, ["COMPLETED", "FAILED"], 200)
    text = log_of(job_dir, job)
    assert state["JobState"] == "COMPLETED" and state["Restarts"] == "1", (state, text)
    said(text, "going on after step")
    same(job_dir, folder / "undisturbed")


def preempted(cluster, folder):
    """A job of a higher priority takes its place, with a grace time: a checkpoint of that moment, and again to the same bits."""
    job_dir = folder / "preempted"
    job, _ = cluster.submit(*LONG, "--ranks-per-node", 2, "--partition", "idle", "--launcher", "srun", "--job-dir", job_dir)
    until_it_trains(job_dir, job)
    cluster.run("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap", "sleep 1")
    state = cluster.wait(job, ["COMPLETED", "FAILED"], 100)
    text = log_of(job_dir, job)
    assert state["JobState"] == "COMPLETED" and state["Restarts"] == "1", (state, text)
    said(text, "checkpoint written, queued again", "going on after step")
    same(job_dir, folder / "undisturbed")


def told_before_the_first_step(cluster, folder):
    """Pre-empted while it reads: queued again. Warned of its time limit then: more of the same would not help."""
    slow = ["configs/cancer.yaml", "--no-export", "--train-file", jobs.large_cancer_file(folder, 1000), "--set", "trainer.max_steps=5"]
    for name, partition in (("taken", "idle"), ("short", "debug")):
        job_dir = folder / name
        job, _ = cluster.submit(*slow, "--ranks-per-node", 2, "--partition", partition, "--launcher", "srun", "--job-dir", job_dir)
        end = time.monotonic() + 30
        while not (job_dir / "logs/rank-01.log").exists():
            assert time.monotonic() < end, log_of(job_dir, job)
            time.sleep(0.01)
        if name == "taken":
            cluster.run("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap", "sleep 1")
        else:
            cluster.run("scancel", "--signal=USR1", "--batch", job)
        state = cluster.wait(job, ["COMPLETED", "FAILED"], 100)
        text = log_of(job_dir, job)
        said(text, "stopped by a signal before the first step", "pre-empted before its first step, queued again" if name == "taken" else "NOT queued again")
        assert (state["JobState"], state["Restarts"]) == (("COMPLETED", "1") if name == "taken" else ("FAILED", "0")), (state, text)


def at_its_time_limit(cluster, folder):
    """A minute, the shortest that Slurm knows; the script's own --signal comes before it."""
    long = ["configs/cancer.yaml", "--no-export", "--set", "trainer.epochs=24000", "--set", "trainer.evaluate_every_steps=5000"]
    jobs.run("train", *long, "--ranks", 2, "--job-dir", folder / "long", timeout=400)
    job_dir = folder / "limited"
    job, _ = cluster.submit(*long, "--ranks-per-node", 2, "--time", 1, "--sbatch", "signal=B:USR1@40", "--job-dir", job_dir)
    state = cluster.wait(job, ["COMPLETED", "FAILED", "TIMEOUT"], 900)
    text = log_of(job_dir, job)
    assert state["JobState"] == "COMPLETED" and int(state["Restarts"]) >= 1, (state, text[-3000:])
    said(text, "checkpoint written, queued again", "going on after step")
    same(job_dir, folder / "long")
    print(f"a time limit of a minute: {state['Restarts']} restarts")


def jobs_that_end_badly(cluster, folder):
    job_dir = folder / "failing"
    job, _ = cluster.submit("configs/cancer.yaml", "--train-file", "no-such.csv", "--ranks-per-node", 2, "--job-dir", job_dir)
    state = cluster.wait(job, ["FAILED", "COMPLETED"])
    assert (state["JobState"], state["ExitCode"]) == ("FAILED", "3:0"), state
    assert log_of(job_dir, job).count("no-such.csv") == 1, log_of(job_dir, job)

    job_dir = folder / "cancelled"
    job, _ = cluster.submit("configs/cancer.yaml", "--set", "trainer.epochs=100000", "--ranks-per-node", 2, "--job-dir", job_dir)
    cluster.wait(job, ["RUNNING"])
    while not (job_dir / "log.jsonl").exists():
        time.sleep(0.1)
    cluster.run("scancel", job)
    assert cluster.wait(job, ["CANCELLED", "COMPLETED", "FAILED"])["JobState"] == "CANCELLED"
    end = time.monotonic() + 20
    while subprocess.run(["pgrep", "-f", str(job_dir)], stdout=subprocess.DEVNULL).returncode == 0:
        assert time.monotonic() < end, "ranks are left over"
        time.sleep(0.2)


def refused(cluster, folder):
    job_dir = folder / "refused"
    for arguments, words in (
            (["--partition", "none"], ["Invalid partition name", "`sinfo` lists the partitions"]),
            (["--time", "soon"], ["Invalid --time", "hours:minutes:seconds"]),
            (["--gpus-per-node", 1], ["Invalid generic resource", "does not know such GPUs"]),
            (["--sbatch", "no-such=1"], ["unrecognized option", "`sbatch --help`"]),
            (["--sbatch", "=1"], ["expected an option of sbatch", "'=1'"]),
            (["--nodes", 5000], ["5000"]),
            (["--ranks-per-node", 1000], ["cannot be shared by 1 nodes × 1000 ranks"]),
            (["--resume"], ["no checkpoint to go on from"]),
            (["--set", "model.hiden=3"], ["hiden"])):
        done = cluster.run(jobs.RINGTRAIN, "submit", *SHORT, "--job-dir", job_dir, *arguments, expect=None)
        assert done.returncode == 2, (arguments, done)
        said(done.stderr, *words)
    done = cluster.run(jobs.RINGTRAIN, "submit", *SHORT, "--job-dir", folder / "local", expect=2)
    said(done.stderr, "holds a run already", "--resume")
    assert cluster.run("squeue", "--noheader").stdout == ""

    # Slurm takes what can never start: it is said.
    job, shown = cluster.submit(*SHORT, "--job-dir", job_dir, "--time", 20)
    said(shown, "PENDING (Partition", "will not start")
    cluster.run("scancel", job)


def scripts(folder):
    """What is written, and where Slurm is missing."""
    def dry(*arguments, expect=0, **options):
        return jobs.run("submit", *SHORT, "--job-dir", folder / "a b", "--dry-run", *arguments, expect=expect, **options)

    text = dry("--nodes", 4, "--gpus-per-node", 8, "--account", "me", "--sbatch", "qos=high", "--sbatch", "exclusive",
               "--sbatch", "signal=B:USR1@300").stdout
    for line in ("--nodes=4", "--ntasks-per-node=8", "--gpus-per-node=8", "--account=me", "--qos=high", "--exclusive",
                 "--signal=B:USR1@300", f'--output="{folder}/a b/slurm-%j.log"', "--cpus-per-task=1", "--requeue"):
        said(text, f"#SBATCH {line}\n")
    said(text, f"job_dir='{folder}/a b'", '"${program[@]}" "${arguments[@]}"')
    assert text.count("--signal=") == 1 and not (folder / "a b").exists()
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)

    said(dry("--container", "image.sif", "--gpus-per-node", 1).stdout, "program=(apptainer exec --nv --bind ", " image.sif ringtrain)")
    said(dry("--container", "reg/image:1").stdout, "--kill-on-bad-exit=1 --container-image=reg/image:1 ", "program=(ringtrain)")
    own = folder / "own.sbatch"
    own.write_text("#!/bin/sh\n@DIRECTIVES@\nmodule load ours\nexec @PROGRAM@ @ARGUMENTS@ # me@here \n")
    said(dry("--template", own).stdout, "module load ours", " train configs/cancer.yaml --set trainer.epochs=2 ", "# me@here")
    said(dry(env=os.environ | {"RINGTRAIN_SBATCH_TEMPLATE": str(own)}).stdout, "module load ours")
    own.write_text("@NODES@")
    said(dry("--template", own, expect=2).stderr, "unknown placeholder @NODES@")
    said(dry("--sbatch", "comment=a\nb", expect=2).stderr, "line break")
    nothing = jobs.run("submit", *SHORT, "--job-dir", folder / "c", expect=2, env=os.environ | {"PATH": "/nonexistent"})
    said(nothing.stderr, "there is no sbatch on PATH", "train --hosts")


def main():
    with jobs.Folder() as folder:
        scripts(folder)
    missing = [tool for tool in ("munged", "slurmctld", "slurmd", "srun") if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")]
    if missing or os.geteuid() != 0:
        print(f"NOT RUN against Slurm: {'needs root' if not missing else 'missing: ' + ' '.join(missing)}")
        sys.exit(77)
    with jobs.Folder() as folder, Cluster(folder) as cluster:
        ranks_of_srun(cluster, folder)
        an_allocation(cluster, folder)
        jobs.run("train", *LONG, "--ranks", 2, "--job-dir", folder / "undisturbed")
        for launcher in ("srun", "mpirun"):
            submitted(cluster, folder, launcher)
        requeued(cluster, folder)
        preempted(cluster, folder)
        told_before_the_first_step(cluster, folder)
        if os.environ.get("RINGTRAIN_SOAK"):
            at_its_time_limit(cluster, folder)
        jobs_that_end_badly(cluster, folder)
        refused(cluster, folder)
    print("Slurm: srun, mpirun, submitted, requeued, pre-empted, failing, cancelled and refused jobs")


main()
