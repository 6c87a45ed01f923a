"""TorchServe as a peer of the serving bench: whether it is here, and how it is started."""

import json
import os
import re
import subprocess
from pathlib import Path

from workers import SOURCE, WorkerError

PYTHON = Path(os.environ.get("TORCHSERVE_PYTHON", ""))
JAVA_SINCE = 17
# How many waiting requests one run of the model may answer; the bench takes what answers more.
BATCH_SIZES = (1, 16)
LEAST_DELAY_MS = 1  # how long it waits for more of them: 0 would be taken for the default, which is 100
LOG = """<Configuration>
  <Appenders><Console name="console"><PatternLayout pattern="%d %p %c %m%n"/></Console></Appenders>
  <Loggers><Root level="error"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""


def why_not():
    """Why it cannot be started here; None where it can."""
    if not os.access(PYTHON, os.X_OK):
        return "it is not installed; tools/bootstrap.sh --torchserve installs it"
    home = os.environ.get("JAVA_HOME")
    try:
        text = subprocess.run([f"{home}/bin/java" if home else "java", "-version"], capture_output=True, text=True).stderr
    except OSError as error:
        return f"there is no Java ({error}); tools/bootstrap.sh --torchserve installs it"
    found = re.search(r'version "(\d+)', text)
    if not found or int(found[1]) < JAVA_SINCE:
        return f"it needs Java {JAVA_SINCE} or newer, this is {text.splitlines()[0] if text else 'none'}"
    return None


def archive(version, folder):
    """Puts the files of a version into TorchServe's model store, which is made in `folder`."""
    store = folder / "store"
    store.mkdir()
    done = subprocess.run([PYTHON.parent / "torch-model-archiver", "--model-name", "cancer", "--version", "1", "--serialized-file", version / "model.pt", "--handler",
                           SOURCE / "bench/peers/torchserve_handler.py", "--extra-files", version / "manifest.json", "--export-path", store, "--archive-format",
                           "no-archive"], capture_output=True, text=True)
    if done.returncode != 0:
        raise WorkerError(f"torch-model-archiver: {done.stderr}")
    (folder / "log.xml").write_text(LOG)
    return store


def command(store, batch_size, ports):
    """The command line of a server with one worker. `ports`: six free ones; the first is the one to ask."""
    settings = {f"{name}_address": f"http://127.0.0.1:{port}" for name, port in zip(("inference", "management", "metrics"), ports, strict=False)}
    settings |= {"grpc_inference_port": ports[3], "grpc_management_port": ports[4], "initial_worker_port": ports[5], "disable_system_metrics": "true"}
    settings["models"] = json.dumps({"cancer": {"1": {"defaultVersion": True, "marName": "cancer", "minWorkers": 1, "maxWorkers": 1, "batchSize": batch_size,
                                                      "maxBatchDelay": LEAST_DELAY_MS}}})
    file = store.parent / f"{ports[0]}.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return [PYTHON.parent / "torchserve", "--start", "--foreground", "--ncs", "--disable-token-auth", "--model-store", store, "--models", "cancer=cancer",
            "--ts-config", file, "--log-config", store.parent / "log.xml"]


def environment(store):
    """Its process id and its sockets go to the bench's folder, and settings of the user's are not read."""
    return {key: value for key, value in os.environ.items() if not key.startswith("TS_")} | {"TMPDIR": str(store.parent), "TEMP": str(store.parent)}
