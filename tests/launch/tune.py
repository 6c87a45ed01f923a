"""Settings drawn from a space: the best one trains to the value of the table, a killed search goes on to the same result, halving drops the worse."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import wait_for  # noqa: E402

CANCER = ["configs/cancer.yaml", *jobs.sets(trainer__epochs=4)]
SPACE = """trainer.optimizer.lr: {log_uniform: [1e-5, 1e-1]}
model:
  hidden: {choice: [[8], [16, 8]]}
"""


def tune(folder, *more, expect=0):
    return jobs.run("tune", *CANCER, "--space", folder.parent / "space.yaml", "--job-dir", folder, *more, expect=expect)


def result_of(folder):
    """Without what tells the time, and the folder."""
    result = json.loads((folder / "tune.json").read_text())
    for trial in result["trials"]:
        del trial["seconds"], trial["folder"]
    return result


def best_trains_to_the_same(folder):
    done = tune(folder, "--trials", 6, "--jobs", 2)
    result = result_of(folder)
    assert result["metric"] == "roc_auc" and result["part"] == "validation" and result["larger_is_better"]
    values = {trial["trial"]: trial["value"] for trial in result["trials"]}
    assert sorted(values) == [1, 2, 3, 4, 5, 6] and values[result["best_trial"]] == max(values.values()) == result["best_value"]
    assert len({json.dumps(trial["settings"]) for trial in result["trials"]}) == 6
    assert f"train {folder}/best.yaml" in done.stdout, done.stdout
    job = folder / "again"
    jobs.run("train", folder / "best.yaml", "--job-dir", job, "--no-export")
    log = [json.loads(line) for line in (job / "log.jsonl").read_text().splitlines()]
    assert result["best_value"] in [line["roc_auc"] for line in log if line["event"] == "evaluation" and line["part"] == "validation"]
    return result


def killed_goes_on(folder, whole):
    command = [jobs.RINGTRAIN, "tune", *CANCER, "--space", str(folder.parent / "space.yaml"), "--job-dir", str(folder), "--trials", "6", "--jobs", "1"]
    process = subprocess.Popen(command, cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = folder / "journal.jsonl"
    wait_for(lambda: journal.exists() and journal.read_text().count('"seconds"') >= 2, "second trial")
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = tune(folder, "--trials", 6, "--jobs", 2)
    assert "trainings are done already" in done.stderr, done.stderr
    assert result_of(folder) == whole
    # Fewer are refused, more are added.
    assert "--trials" in tune(folder, "--trials", 2, expect=2).stderr
    tune(folder, "--trials", 7)
    assert result_of(folder)["trials"][:6] == whole["trials"]


def halving(folder):
    tune(folder, "--trials", 4, "--halving", "--eta", 2, "--min-epochs", 2, "--jobs", 1)
    trials = result_of(folder)["trials"]
    assert sorted(trial["trial"] for trial in trials if trial["epochs"] == 2) == [1, 2, 3, 4]
    longer = [trial for trial in trials if trial["epochs"] == 4]
    assert 2 <= len(longer) <= 3, longer
    best = max(trial["value"] for trial in trials if trial["epochs"] == 2)
    assert any(trial["value"] == best for trial in trials if trial["epochs"] == 2 and trial["trial"] in [one["trial"] for one in longer])


def failing_trials_are_told(folder):
    """One that diverges is no reason to end; all of them are."""
    (folder.parent / "wild.yaml").write_text("trainer.optimizer.lr: {choice: [0.001, 1e30]}\n")
    done = jobs.run("tune", *CANCER, "--space", folder.parent / "wild.yaml", "--job-dir", folder, "--trials", 2)
    assert "failed" in done.stdout and "trainer.optimizer.lr=0.001" in done.stdout, done.stdout
    (folder.parent / "wild.yaml").write_text("trainer.optimizer.lr: {choice: [1e30]}\n")
    done = jobs.run("tune", *CANCER, "--space", folder.parent / "wild.yaml", "--job-dir", folder, "--trials", 1, "--overwrite", expect=7)
    assert "no trial has a roc_auc of the validation part" in done.stderr, done.stderr


def bad_spaces(folder):
    def refused(text, *parts):
        (folder / "bad.yaml").write_text(text)
        done = jobs.run("tune", *CANCER, "--space", folder / "bad.yaml", "--job-dir", folder / "bad", "--trials", 3, expect=2)
        for part in parts:
            assert part in done.stderr, (part, done.stderr)
        assert not (folder / "bad").exists()
    refused("a.b: {unifrom: [1, 2]}\nc: {int: [3, 1]}\n", "Did you mean 'uniform'? ", "bad.yaml:1", "c.int: the first number is larger")
    refused("trainer.optimizer.lrr: {uniform: [1, 2]}\n", "trial 1 (trainer.optimizer.lrr=", "lr'?")
    refused("model.dropout: {uniform: [0, 3]}\n", "model.dropout")
    refused("data.split.test: {uniform: [0, 1]}\n", "the trials would not be measured alike")
    refused("a: 3\n", "expected a list, got 3")


with jobs.Folder() as folder:
    begin = time.monotonic()
    (folder / "space.yaml").write_text(SPACE)
    whole = best_trains_to_the_same(folder / "whole")
    killed_goes_on(folder / "killed", whole)
    halving(folder / "halving")
    failing_trials_are_told(folder / "failing")
    bad_spaces(folder)
    print(f"ok, {time.monotonic() - begin:.1f} s")
