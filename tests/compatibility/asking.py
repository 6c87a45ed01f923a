"""Asks the program about the files of a fixtures folder; the answers in a form that can be compared."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FORMS = {"words": ["csv", "objects.jsonl", "arrays.jsonl", "parquet"], "kinds": ["csv", "objects.jsonl", "arrays.jsonl", "parquet"],
         "number": ["csv", "objects.jsonl", "arrays.jsonl", "parquet"], "letters": ["objects.jsonl", "arrays.jsonl"],
         "columns": ["csv", "objects.jsonl", "arrays.jsonl", "parquet"], "coded": ["csv", "objects.jsonl", "arrays.jsonl"], "sales": ["objects.jsonl"]}
DATA = {"coded": "data/coded.csv", "words": "data/words.csv", "kinds": "rows/kinds.parquet", "number": "data/number.csv", "columns": "data/columns.parquet"}


def runner(program, folder):
    """A function that runs the program in `folder`."""
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

    def run(*arguments, codes=(0,)):
        done = subprocess.run([program, *map(str, arguments)], cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
        if done.returncode not in codes:
            raise AssertionError(f"ringtrain {' '.join(map(str, arguments))} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done
    return run


def machine(program):
    """What the last bits depend on: the processor and LibTorch."""
    processor = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return f"{processor}; {next(line for line in version.splitlines() if line.startswith('LibTorch'))}"


@contextlib.contextmanager
def copy_of(folder):
    with tempfile.TemporaryDirectory(prefix="ringtrain-test-") as path:
        copy = Path(path) / "files"
        shutil.copytree(folder, copy)
        yield copy


def steps_of(folder, job, first):
    lines = [json.loads(line) for line in (folder / job / "log.jsonl").read_text().splitlines()]
    return {str(line["step"]): line["loss"] for line in lines if line["event"] == "step" and line["step"] > first}


def evaluations_of(folder, job, first):
    """The measured parts after `first` steps, by step and part."""
    lines = [json.loads(line) for line in (folder / job / "log.jsonl").read_text().splitlines()]
    return {f"{line['step']} {line['part']}": {key: value for key, value in line.items() if isinstance(value, float) and "seconds" not in key}
            for line in lines if line["event"] == "evaluation" and line["step"] > first}


def predictions(run, name):
    """All forms in one process; the answers in their order. Exit code 2: rows that could not be answered."""
    files = [f"rows/{name}.{form}" for form in FORMS[name]]
    done = run("predict", f"models/{name}", "--input", *files, *(["--drop", "id"] if name == "words" else []), codes=(0, 2))
    return [json.loads(line) for line in done.stdout.splitlines()]


def serve(program, folder, requests):
    process = subprocess.Popen([program, "serve", "models", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "Serving http" in line:
                break
        else:
            raise AssertionError("".join(said))
        port = int(line.split("127.0.0.1:")[1].split("/")[0])
        threading.Thread(target=lambda: list(process.stdout), daemon=True).start()
        answers = []
        for one in requests:
            request = urllib.request.Request(f"http://127.0.0.1:{port}{one['path']}", json.dumps(one["body"]).encode())
            try:
                with urllib.request.urlopen(request, timeout=30) as reply:
                    answers.append(json.load(reply))
            except urllib.error.HTTPError as error:
                raise AssertionError(f"{one['path']}: {error.code} {error.read().decode()}") from error
        return answers
    finally:
        process.kill()
        process.wait()


def go_on(program, folder, name, steps):
    """The losses of a run that starts from the job's checkpoint, and of the job that goes on."""
    run = runner(program, folder)
    newest = (folder / "jobs" / name / "checkpoints/latest").read_text().strip()
    run("train", f"{name}.yaml", "--no-export", "--job-dir", f"jobs/{name}-started", "--set", f"trainer.start_from=jobs/{name}/checkpoints/{newest}",
        "--set", "trainer.max_steps=4")
    run("train", f"{name}.yaml", "--no-export", "--resume", "--set", f"trainer.max_steps={steps + 6}")
    return {"start_from": steps_of(folder, f"jobs/{name}-started", 0), "resume": steps_of(folder, f"jobs/{name}", steps),
            "evaluation": evaluations_of(folder, f"jobs/{name}", steps)}


def ask(program, folder, record):
    """Everything about the files of `folder`, which is changed: checkpoints are gone on from."""
    run, steps = runner(program, folder), record["steps"]

    def about(name):
        found = {"predict": predictions(run, name)}
        if name in record.get("own", ()):  # of a kind that this program does not have
            return found
        if name in DATA:
            evaluated = json.loads(run("evaluate", f"models/{name}", DATA[name], "--bootstrap", 20, "--json").stdout)
            found["evaluate"] = {key: evaluated[key] for key in ("rows", "metrics", "confusion_matrix")}
        return found | go_on(program, folder, name, steps)

    with ThreadPoolExecutor(2) as pool:
        served = pool.submit(serve, program, folder, record["requests"])
        found = dict(zip(record["models"], pool.map(about, record["models"])))
        return {"serve": served.result(), "answers": found}
