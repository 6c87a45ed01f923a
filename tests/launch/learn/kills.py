"""`ringtrain learn` killed at random moments, on 1 and 2 ranks: what is learned, made live and written down is what an undisturbed run does, to the bit,
and each row counts once."""

import contextlib
import os
import random
import shutil
import signal
import sys
import time

import online
import streams
from online import concept, jobs, same_weights

sys.path.insert(0, str(jobs.SOURCE / "tests/support"))
import processes  # noqa: E402


def killed(folder, stream, ranks, moments, seed):
    chance = random.Random(seed)
    undisturbed, job = folder / f"calm-{ranks}", folder / f"killed-{ranks}"
    words = ("--set", "learn.candidate_rows=1000", *(("--ranks", ranks) if ranks > 1 else ()))
    copy_models(folder, undisturbed.name + "-models")
    online.learn(folder, stream, undisturbed.name, *words, base=undisturbed.name + "-models")
    copy_models(folder, job.name + "-models")
    entries = len(online.journal(undisturbed))
    # The last one is in the last step, or behind it.
    kills = 0
    for reached in sorted(chance.randrange(entries) for _ in range(moments - 1)) + [entries - 3]:
        kills += kill_at(folder, stream, job, reached, chance, words)
    assert kills >= moments - 1, (kills, "it ended before it was killed")
    online.learn(folder, stream, job.name, *words, how_to_begin(job), base=job.name + "-models")
    same_weights(job, undisturbed)
    assert story(job, folder / (job.name + "-models/online")) == story(undisturbed, folder / (undisturbed.name + "-models/online"))
    assert (job / "metrics.csv").read_text() == (undisturbed / "metrics.csv").read_text()
    learned = sum(rows["rows"] for entry in online.entries(job, "step") for rows in entry["rows"])
    assert learned == 2000 - 2000 // 5, learned
    print(f"{kills} kills of {ranks} ranks", flush=True)


def how_to_begin(job):
    return "--resume" if (job / "checkpoints/latest").exists() else "--overwrite"


def kill_at(folder, stream, job, reached, chance, words):
    """Kills it when its journal has so many entries; returns whether it was still there."""
    running = online.start(folder, stream, job.name, *words, how_to_begin(job), base=job.name + "-models", start_new_session=True)
    journal = job / "journal.jsonl"
    if not journal.exists() or journal.read_text().count("\n") < reached:
        processes.wait_for(lambda: running.poll() is not None or (journal.exists() and journal.read_text().count("\n") >= reached), "the moment")
    else:
        time.sleep(chance.uniform(0.1, 0.6))  # as it starts
    time.sleep(chance.uniform(0, 0.02))
    ranks = processes.rank_pids(running.pid).values()
    ended = running.poll() is not None
    for kill, pid in [(os.killpg, running.pid), *((os.kill, rank) for rank in ranks)]:
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
    _, said = running.communicate()
    assert not ended or running.returncode == 0, said
    return not ended


def story(job, model):
    """What the journal says, without what is another job's by nature. Versions count by their order: the number of an export that was killed is not given
    again."""
    versions = sorted(int(one.name) for one in model.iterdir() if one.name.isdigit())
    told = [{name: value for name, value in entry.items() if name not in ("checksum", "began", "from", "settings")} for entry in online.journal(job)]
    for entry in told:
        for name in {"version", "against"} & entry.keys():
            entry[name] = versions.index(entry[name]) if entry[name] else None
    return told + [len(versions)]


def copy_models(folder, name):
    """Version 1 alone, as it was."""
    shutil.copytree(folder / "models", folder / name)


def main():
    soak = os.environ.get("RINGTRAIN_SOAK") == "1"
    with jobs.Folder() as folder:
        online.first_version(folder, concept(1500, 1, 8.0))
        stream = streams.write_csv(folder / "new.csv", concept(2000, 2, 12.0))
        for ranks in (1, 2):
            killed(folder, stream, ranks, 20 if soak else 5, 7 + ranks)
    print("each row once")


main()
