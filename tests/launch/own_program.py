"""examples/own_model as its reader has it, built against an installed ringtrain: `own_program.py PROGRAM`. It trains on 1, 2 and 3 ranks, is
started again after a rank was killed, and has every subcommand with its own kinds. What it exports, the plain ringtrain (RINGTRAIN) answers
and serves with; what that cannot know it says."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
import serving  # noqa: E402
from processes import rank_pids, wait_for  # noqa: E402

PROGRAM = Path(sys.argv[1]).resolve()
EXAMPLE = jobs.SOURCE / "examples/own_model"


def rides(*arguments, expect=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=200, cwd=EXAMPLE)
    assert expect is None or done.returncode == expect, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    return done


def final(job):
    return job / "checkpoints" / (job / "checkpoints/latest").read_text().strip()


def trains_on_any_number_of_ranks(folder):
    """In float64, so that only the order of sums differs."""
    weights = {}
    for ranks in (1, 2, 3):
        job = folder / f"{ranks}_ranks"
        launch = ["--ranks", ranks] if ranks > 1 else []
        done = rides("train", "rides.yaml", *launch, "--job-dir", job, *jobs.sets(trainer__epochs=4, trainer__precision="float64"))
        assert "deviance" in done.stdout, done.stdout
        weights[ranks] = jobs.tensors(final(job) / "model.safetensors")
    assert "station.weight" in weights[1], weights[1].keys()
    for ranks in (2, 3):
        for name, expected in weights[1].items():
            difference = jobs.relative_difference(weights[ranks][name], expected)
            assert difference < 1e-8, (ranks, name, difference)


def start_long(job, *more):
    return subprocess.Popen([PROGRAM, "train", "rides.yaml", "--ranks", "2", "--job-dir", str(job), *more,
                             *jobs.sets(trainer__epochs=300, trainer__evaluate_every_steps=5000, trainer__checkpoint__every_steps=300)],
                            cwd=EXAMPLE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def goes_on_after_a_killed_rank(folder):
    calm = start_long(folder / "calm")
    _, errors = calm.communicate(timeout=200)
    assert calm.returncode == 0, errors[-4000:]
    job = folder / "killed"
    disturbed = start_long(job, "--max-restarts", "3")
    pids = wait_for(lambda: len(found := rank_pids(disturbed.pid)) == 2 and found, "ranks")
    for pid in pids.values():  # the launcher starts this program, not ringtrain
        assert wait_for(lambda pid=pid: Path(os.readlink(f"/proc/{pid}/exe")) == PROGRAM, "rank of this program"), pid
    wait_for(lambda: (job / "checkpoints/latest").exists(), "checkpoint")
    assert disturbed.poll() is None, "it ended before a rank could be killed"
    os.kill(pids[1], signal.SIGKILL)
    _, errors = disturbed.communicate(timeout=200)
    assert disturbed.returncode == 0, errors[-4000:]
    assert "starting again from step" in errors, errors[-4000:]
    assert final(job).name == final(folder / "calm").name
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert (final(job) / name).read_bytes() == (final(folder / "calm") / name).read_bytes(), name


def knows_its_kinds():
    reference = rides("config", "model.station").stdout
    assert "`model.width`" in reference and "An embedding of the station" in reference, reference
    assert "dropout" not in reference, reference
    assert "`type: poisson`" in rides("config").stdout
    resolved = rides("config", "--resolve", "rides.yaml").stdout
    assert "type: station" in resolved and "width: 4" in resolved, resolved
    misspelt = rides("train", "rides.yaml", "--set", "model.widht=8", expect=2).stderr
    assert "model.widht: unknown key. Did you mean 'width'?" in misspelt, misspelt
    unknown = jobs.run("train", EXAMPLE / "rides.yaml", expect=2).stderr
    assert "data.format" in unknown and "rides" in unknown, unknown


def has_a_name_of_its_own():
    text = rides("--help").stdout
    assert "rides train " in text and "ringtrain train " not in text, text
    assert text.count("Usage: rides ") == 1, text
    assert rides("--version").stdout == jobs.run("--version").stdout
    assert rides("trian", expect=2).stderr.startswith("ringtrain: there is no subcommand 'trian'")
    script = rides("submit", "rides.yaml", "--nodes", "2", "--dry-run").stdout
    assert f"program=({PROGRAM})" in script, script


def rows(count):
    with open(EXAMPLE / "rides.csv", newline="") as file:
        return [{"station": row["station"], "hour": float(row["hour"]), "temperature": float(row["temperature"]), "rain": float(row["rain"])}
                for row in list(csv.DictReader(file))[:count]]


def others_take_what_it_exports(folder):
    job = folder / "table"
    rides("train", "rides_table.yaml", "--ranks", "2", "--job-dir", job, *jobs.sets(trainer__epochs=8))
    base = job / "export"
    model = base / "rides_table"
    instances = folder / "rows.jsonl"
    instances.write_text("".join(json.dumps(row) + "\n" for row in rows(20)))
    answers = jobs.run("predict", model, "--json-instances", instances).stdout
    assert answers == rides("predict", model, "--json-instances", instances).stdout
    values = [json.loads(line)["prediction"] for line in answers.splitlines()]
    assert len(values) == 20 and all(value > 0 for value in values), values
    if "serve" in jobs.run("--help").stdout:
        with serving.Server(base) as server:
            served = server.ask("/v1/models/rides_table:predict", {"instances": rows(20)})["predictions"]
        difference = jobs.relative_difference([one["prediction"] if isinstance(one, dict) else one for one in served], values)
        assert difference < 1e-5, difference
    judged = json.loads(rides("evaluate", model, "rides.csv", "--bootstrap", "20", "--json").stdout)
    assert 0 < judged["metrics"]["deviance"]["value"] < 5, judged
    refused = jobs.run("evaluate", model, EXAMPLE / "rides.csv", expect=2).stderr
    assert "the model rides_table was trained for the task poisson, which this program does not know" in refused, refused
    assert "The program that trained it does" in refused and len(refused.splitlines()) == 1, refused
    again = rides("retrain", "rides_table.yaml", "--from", model, "--ranks", "2", "--job-dir", folder / "again", "--bootstrap", "20",
                  *jobs.sets(trainer__epochs=4), expect=None)
    assert again.returncode in (0, 8) and "deviance" in again.stdout, (again.returncode, again.stdout[-2000:], again.stderr[-4000:])


def is_a_plugin_too(folder):
    """The same kinds for the plain ringtrain: the bits of the program's own run, named in what it writes; without it, what is lacking is said."""
    plugin = PROGRAM.parent / "librides_plugin.so"
    words = jobs.sets(trainer__epochs=4, trainer__precision="float64")

    def plain(*arguments, plugins="", expect=0):
        environment = os.environ | ({"RINGTRAIN_PLUGINS": str(plugins)} if plugins else {})
        done = subprocess.run([jobs.RINGTRAIN, *map(str, arguments)], capture_output=True, text=True, timeout=200, cwd=EXAMPLE, env=environment)
        assert done.returncode == expect, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-4000:])
        return done

    for ranks, job in ((1, folder / "plugin_1"), (2, folder / "plugin_2")):
        plain("train", "rides.yaml", "--ranks", ranks, "--job-dir", job, "--set", f"plugins=[{plugin}]", *words)
        assert (final(job) / "model.safetensors").read_bytes() == (final(folder / f"{ranks}_ranks") / "model.safetensors").read_bytes(), ranks
        assert str(plugin) in (job / "config.yaml").read_text()
    plain("train", "rides.yaml", "--ranks", 2, "--job-dir", folder / "plugin_2", "--resume", *words, plugins=plugin)  # its config is in the job
    job = folder / "plugin_table"
    plain("train", "rides_table.yaml", "--job-dir", job, *jobs.sets(trainer__epochs=2), plugins=plugin)
    model = job / "export/rides_table"
    named = json.loads((model / "1/manifest.json").read_text())["provenance"]["plugins"]
    assert [Path(one["file"]) for one in named] == [plugin], named
    refused = plain("evaluate", model, "rides.csv", expect=2).stderr
    assert f"set RINGTRAIN_PLUGINS={plugin}" in refused, refused
    plain("evaluate", model, "rides.csv", "--bootstrap", 20, plugins=plugin)
    assert "An embedding of the station" in plain("config", "model.station", plugins=plugin).stdout
    missing = plain("train", "rides.yaml", "--set", "plugins=[nowhere.so]", expect=2).stderr
    assert missing.startswith("ringtrain: ") and "the plugin nowhere.so" in missing and len(missing.splitlines()) == 1, missing
    twice = rides("train", "rides.yaml", "--set", f"plugins=[{plugin}]", expect=2).stderr
    assert "a data format of the name 'rides' is there already" in twice, twice


def main():
    with jobs.Folder() as folder:
        knows_its_kinds()
        has_a_name_of_its_own()
        trains_on_any_number_of_ranks(folder)
        goes_on_after_a_killed_rank(folder)
        others_take_what_it_exports(folder)
        is_a_plugin_too(folder)
    print("a program with kinds of its own trains on 1, 2 and 3 ranks, goes on after a killed rank, and exports for others")


main()
