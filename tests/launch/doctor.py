"""`ringtrain doctor` on this machine, and on emulated hosts of which one has a throttled link: it is found and named."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from processes import rank_pids, wait_for  # noqa: E402

NAME = "doctor"
TOOL = [str(jobs.SOURCE / "tools/emulate_hosts.sh"), "--name", NAME]
NETWORK = "10.87.0"
HOSTS = ",".join(f"{NETWORK}.{i + 1}" for i in range(3))


def on_first_host(*arguments, expect):
    settings = {"plm_rsh_agent": f"/run/ringtrain-hosts/{NAME}/agent", "btl": "tcp,self,vader", "btl_tcp_if_include": f"{NETWORK}.0/24",
                "oob_tcp_if_include": f"{NETWORK}.0/24"}
    command = [*TOOL, "run", "0", "env", *(f"OMPI_MCA_{key}={value}" for key, value in settings.items()), jobs.RINGTRAIN, "doctor", *arguments]
    done = subprocess.run(list(map(str, command)), cwd=jobs.SOURCE, capture_output=True, text=True, timeout=200)
    assert expect is None or done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    return done.stdout


def this_machine(folder):
    findings = json.loads(jobs.run("doctor", "--json", "--job-dir", folder / "new", expect=None).stdout)
    by_name = {finding["what"]: finding for finding in findings}
    for name in ("versions", "mpirun", "cores", "open files", "/dev/shm", "GPUs", "all-reduce", "job folder"):
        assert name in by_name, findings
    assert by_name["versions"]["level"] == "good" and by_name["mpirun"]["level"] == "good", findings
    assert list((folder / "new").iterdir()) == [], "its files are left over"
    assert all(bool(finding["remedy"]) == (finding["level"] != "good") for finding in findings)

    shown = jobs.run("doctor", "--ranks", 1, "--job-dir", "/proc/nowhere", expect=1).stdout
    assert "bad      job folder" in shown and "--job-dir" in shown, shown
    assert "1 ranks on 1 hosts" in shown and "\033" not in shown, shown


def interrupted(folder):
    """It has no checkpoints to speak of."""
    process = subprocess.Popen([jobs.RINGTRAIN, "doctor", "--job-dir", folder / "new"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: rank_pids(process.pid), "a rank")
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "ringtrain: ended by signal 2 (SIGINT)" in text and "checkpoint" not in text, (process.returncode, text)


def throttled(folder):
    # How fast this machine's links are is not asked: other tests run beside this one.
    findings = json.loads(on_first_host("--hosts", HOSTS, "--job-dir", folder / "shared", "--json", expect=None))
    assert len([finding for finding in findings if finding["what"] == "link"]) == 3, findings
    assert any("shared by all hosts" in finding["value"] for finding in findings), findings

    # What leaves host 2, and that alone.
    subprocess.run(["ip", "netns", "exec", f"{NAME}-host2", "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "100mbit", "burst", "128kb",
                    "limit", "4mb"], check=True)
    shown = on_first_host("--hosts", HOSTS, "--job-dir", folder / "shared", expect=1)
    for other in (0, 1):
        assert f"bad      link             {NAME}-host{other} - {NAME}-host2: " in shown, shown
    assert f"{NAME}-host2: every link with it is slow" in shown and "tc qdisc" in shown, shown
    print(shown)


def main():
    with jobs.Folder() as folder:
        this_machine(folder)
        interrupted(folder)
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        print("network namespaces need root: NOT RUN on emulated hosts")
        sys.exit(77)
    subprocess.run([*TOOL, "up", "--hosts", "3"], check=True)
    try:
        with jobs.Folder() as folder:
            throttled(folder)
    finally:
        subprocess.run([*TOOL, "down"], check=True)


main()
