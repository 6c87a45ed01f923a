"""A host is lost in the middle of a job over two (emulated) hosts: it is named in time, and with --min-ranks the job goes on without it to the losses of
an undisturbed run."""

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import wait_for  # noqa: E402

NAME = "faults"
TOOL = [str(jobs.SOURCE / "tools/emulate_hosts.sh"), "--name", NAME]
NETWORK = "10.87.0"
SETTINGS = dict(trainer__epochs=60, trainer__checkpoint__every_steps=40, trainer__watch__heartbeat_timeout=3, trainer__log_every_steps=1, model__dropout=0)


def start(folder, agent, *more):
    settings = {"plm_rsh_agent": agent, "btl": "tcp,self,vader", "btl_tcp_if_include": f"{NETWORK}.0/24", "oob_tcp_if_include": f"{NETWORK}.0/24"}
    environment = [f"OMPI_MCA_{key}={value}" for key, value in settings.items()] + ["OMP_NUM_THREADS=1"]
    return subprocess.Popen([*TOOL, "run", "0", "env", *environment, jobs.RINGTRAIN, "train", "configs/cancer.yaml", "--no-export", "--job-dir", str(folder),
                             "--hosts", f"{NETWORK}.1:1,{NETWORK}.2:1", *more, *jobs.sets(**SETTINGS)],
                            cwd=jobs.SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def main():
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        print("NOT RUN: network namespaces need root")
        sys.exit(77)
    subprocess.run([*TOOL, "up", "--hosts", "2"], check=True)
    try:
        with jobs.Folder() as folder:
            lost = folder / "lost"
            agent = folder / "agent"  # a remote shell to which a lost host does not answer
            agent.write_text(f'#!/bin/sh\n[ -e {lost} ] && [ "$1" = {NETWORK}.2 ] && exit 255\nexec /run/ringtrain-hosts/{NAME}/agent "$@"\n')
            agent.chmod(0o755)
            jobs.run("train", "configs/cancer.yaml", "--no-export", "--ranks", 2, "--job-dir", folder / "undisturbed", *jobs.sets(**SETTINGS))
            job = folder / "job"
            process = start(job, agent, "--max-restarts", "3", "--min-ranks", "1")
            wait_for(lambda: (job / "checkpoints/step-80").exists() or process.poll() is not None, "checkpoint")
            lost.touch()
            subprocess.run(["ip", "-n", f"{NAME}-switch", "link", "set", "port1", "down"], check=True)
            begin = time.monotonic()
            _, errors = process.communicate(timeout=100)
            said = [line for line in errors.splitlines() if line.startswith("ringtrain:")]
            print(f"{time.monotonic() - begin:.1f} s", *said, sep="\n")
            assert process.returncode == 0, errors[-4000:]
            assert any("starting again from step" in line for line in said), said
            assert any(f"host {NETWORK}.2 cannot be used" in line and "left out" in line for line in said), said
            difference = jobs.relative_difference(jobs.losses(job), jobs.losses(folder / "undisturbed"))
            print(f"losses differ by {difference:.1e}")
            assert difference <= 1e-5
    finally:
        subprocess.run([*TOOL, "down"], check=True)


main()
