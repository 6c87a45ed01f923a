"""`ringtrain train --hosts` over hosts that tools/emulate_hosts.sh makes: the weights of a local run, and a host that will not do is
named, with the reason, before anything starts."""

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

NAME = "launch"
TOOL = [str(jobs.SOURCE / "tools/emulate_hosts.sh"), "--name", NAME]
ARGUMENTS = ["train", "configs/cancer.yaml", "--no-export", "--set", "trainer.epochs=2"]
NETWORK = "10.87.0"


def address(host):
    return f"{NETWORK}.{host + 1}"


def on_first_host(arguments, agent=f"/run/ringtrain-hosts/{NAME}/agent", timeout=100):
    settings = {"plm_rsh_agent": agent, "btl": "tcp,self,vader", "btl_tcp_if_include": f"{NETWORK}.0/24", "oob_tcp_if_include": f"{NETWORK}.0/24"}
    environment = [f"OMPI_MCA_{key}={value}" for key, value in settings.items()] + ["OMP_NUM_THREADS=1"]
    command = [*TOOL, "run", "0", "env", *environment, jobs.RINGTRAIN, *map(str, arguments)]
    return subprocess.run(command, cwd=jobs.SOURCE, capture_output=True, text=True, timeout=timeout)


def train(folder, hosts, more=()):
    done = on_first_host([*ARGUMENTS, "--job-dir", folder, *more, "--hosts", hosts] if hosts else [*ARGUMENTS, "--job-dir", folder, *more])
    assert done.returncode == 0, f"{hosts}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done


def last_weights(job):
    return jobs.tensors(job / "checkpoints" / (job / "checkpoints" / "latest").read_text().strip() / "model.safetensors")


def compare(ours, theirs, limit):
    for name, tensor in theirs.items():
        assert jobs.relative_difference(ours[name], tensor) <= limit, (name, jobs.relative_difference(ours[name], tensor))


def same_weights(folder):
    jobs.run(*ARGUMENTS, "--ranks", 2, "--job-dir", folder / "local2")
    train(folder / "two", f"{address(0)}:1,{address(1)}:1")
    assert "2 ranks" in (folder / "two" / "log.jsonl").read_text()
    compare(last_weights(folder / "two"), last_weights(folder / "local2"), 0)

    jobs.run(*ARGUMENTS, "--ranks", 4, "--job-dir", folder / "local4")
    file = folder / "hosts.txt"
    file.write_text(f"# three hosts\n{address(0)} slots=2\n{address(1)}:1\n\n{address(2)}  # one rank\n")
    train(folder / "three", None, ["--hostfile", file])
    compare(last_weights(folder / "three"), last_weights(folder / "local4"), 1e-5)


def wrapper(folder, name, preparation):
    """A remote shell whose other host is spoilt by `preparation`, in a mount namespace of its own."""
    file = folder / f"agent-{name}"
    file.write_text(f"#!/bin/bash\nexport PREPARED_COMMAND=\"${{*:2}}\"\n"
                    f"exec unshare --mount bash -c '{preparation}; exec bash -c \"$PREPARED_COMMAND\"'\n")
    file.chmod(0o755)
    return str(file)


def refused(agent, *words, hosts=f"{address(0)}:1,node-b:1", limit=30):
    begin = time.monotonic()
    done = on_first_host([*ARGUMENTS, "--job-dir", "/nonexistent/job", "--hosts", hosts], agent=agent)
    seconds = time.monotonic() - begin
    assert done.returncode == 2, (agent, done.returncode, done.stderr)
    for word in ("host node-b", *words):
        assert word in done.stderr, f"{agent}: '{word}' is not in: {done.stderr}"
    assert seconds < limit, seconds
    print(done.stderr.strip())


def spoilt_hosts(folder):
    here = jobs.RINGTRAIN
    orted = os.path.realpath("/usr/bin/orted")
    refused(wrapper(folder, "no-program", f"mount --bind /dev/null {here}"), f"has no {here}", "every host")
    other = folder / "other"
    other.write_text("#!/bin/sh\necho ringtrain 0.0.1\necho LibTorch 1.0\n")
    other.chmod(0o755)
    refused(wrapper(folder, "other-version", f"mount --bind {other} {here}"), "another version", "ringtrain 0.0.1, LibTorch 1.0", "here it is: ringtrain")
    refused(wrapper(folder, "no-folder", f"mount -t tmpfs none {jobs.SOURCE.parent}"), f"has no folder {jobs.SOURCE}")
    if os.path.exists(orted):
        refused(wrapper(folder, "no-mpi", f"mount --bind /dev/null {orted}"), "has no Open MPI in /usr/bin")
    refused(wrapper(folder, "refuses", "echo connection refused >&2; exit 255"), "ended with 255 (connection refused)", "without a password")
    refused(wrapper(folder, "silent", "sleep 100"), "given up after 15 s")


def without_mpi(folder):
    """The programs of Open MPI hidden, in a mount namespace of its own."""
    mpirun = os.path.realpath(subprocess.run(["sh", "-c", "command -v mpirun"], capture_output=True, text=True).stdout.strip())
    script = f"mount --bind /dev/null {mpirun} && exec {jobs.RINGTRAIN} {' '.join(ARGUMENTS)} --job-dir {folder}/none --ranks 2"
    begin = time.monotonic()
    done = subprocess.run(["unshare", "--mount", "bash", "-c", script], cwd=jobs.SOURCE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "there is no mpirun on PATH. Install Open MPI" in done.stderr, done
    assert time.monotonic() - begin < 30


def wrong_words(folder):
    """What is wrong with the list of hosts, and where. Nothing is started."""
    file = folder / "wrong.txt"
    for arguments, words in (
            (["--hosts", "a:x"], "expected HOST:RANKS with 1 to 4096 ranks, got 'a:x'"),
            (["--hosts", "a:0"], "got 'a:0'"),
            (["--hosts", "a,,b"], "'' is no host name"),
            (["--hosts", "a;reboot"], "'a;reboot' is no host name"),
            (["--hosts", "-x:2"], "'-x' is no host name"),
            (["--hosts", "a:2,b", "--ranks", 4], "4 ranks, but the hosts take 3 (a:2,b:1)"),
            (["--hostfile", folder / "none"], "none cannot be read"),
            (["--hostfile", file], f"{file}:2: expected slots=N with 1 to 4096, got 'slot=3'"),
            (["--dry-run"], "give one of them too")):
        file.write_text("a slots=4\nb slot=3\n")
        done = jobs.run("train", "configs/cancer.yaml", *arguments, expect=2)
        assert words in done.stderr, (arguments, done.stderr)
    file.write_text("# none\n")
    assert "there is no host in it" in jobs.run("train", "x.yaml", "--hostfile", file, expect=2).stderr

    file.write_text("a slots=4 max_slots=8\nb:2\na\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NCCL_", "OMP_", "RINGTRAIN"))}
    environment |= {"NCCL_SOCKET_IFNAME": "eth0", "NOT_THIS": "1"}
    shown = jobs.run("train", "x.yaml", "--hostfile", file, "--set", "model.hidden=[8,4]", "--dry-run", env=environment).stdout
    assert "--host a:5,b:2 -x NCCL_SOCKET_IFNAME -np 7 " in shown and "NOT_THIS" not in shown, shown
    assert shown.strip().endswith("train x.yaml --set 'model.hidden=[8,4]'"), shown


def main():
    with jobs.Folder() as folder:
        wrong_words(folder)
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        print("network namespaces need root: skipped")
        sys.exit(77)
    subprocess.run([*TOOL, "up", "--hosts", "3"], check=True)
    try:
        with jobs.Folder() as folder:
            same_weights(folder)
            spoilt_hosts(folder)
            without_mpi(folder)
            unknown = on_first_host([*ARGUMENTS, "--job-dir", folder / "x", "--hosts", "no-such-host:1"], agent="ssh -o BatchMode=yes")
            assert unknown.returncode == 2 and "host no-such-host cannot be used: ssh ended with 255" in unknown.stderr, unknown.stderr
    finally:
        subprocess.run([*TOOL, "down"], check=True)
    print("the same weights over hosts; hosts that will not do are named")


main()
