#!/usr/bin/env python3
"""Runs the build steps of a Dockerfile where there is no Docker: each stage in a Debian 12 base system of its own (debootstrap), by
tools/bare_machine.sh. Then its health check and its entry point, as its user. What Docker alone does (layers, volumes, ports) is
not tried.

    tools/run_dockerfile.py launch/docker/Dockerfile.train [--folder FOLDER] [--with HOST_FOLDER:FOLDER] [-- arguments of the entry point]

Needs root and debootstrap. Only committed files are in the build context."""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
CONTEXT = "/root/ringtrain"  # where tools/bare_machine.sh clones to


def instructions(text):
    """(word, rest), continued lines joined."""
    line = ""
    for part in text.splitlines():
        if part.lstrip().startswith("#") or (not part.strip() and not line):
            continue
        line += part
        if line.endswith("\\"):
            line = line[:-1] + " "
            continue
        word, _, rest = line.strip().partition(" ")
        yield word.upper(), rest.strip()
        line = ""


def stages(text):
    found = []
    for word, rest in instructions(text):
        if word == "FROM":
            parts = rest.split()
            if not parts[0].startswith("debian:12"):
                sys.exit(f"only debian:12 can be made here, not {parts[0]}")
            found.append({"name": parts[2] if len(parts) > 2 else str(len(found)), "steps": []})
        else:
            found[-1]["steps"].append((word, rest))
    return found


def as_list(rest):
    return json.loads(rest) if rest.startswith("[") else ["/bin/sh", "-c", rest]


def run_stage(stage, roots, folder, arguments, with_folder, last):
    root = roots[stage["name"]] = folder / stage["name"]
    script = ["set -e"]
    user, entry, command, health = None, [], [], None

    def run(words, here=None):
        line = shlex.join(words)
        if user:
            line = f"setpriv --reuid {user} --regid {user} --clear-groups env HOME=/home/ringtrain {line}"
        script.append(f"echo '-- '{shlex.quote((here or line)[:150])}; {line} </dev/null")

    for word, rest in stage["steps"]:
        if word == "RUN":
            run(["/bin/sh", "-c", rest], f"RUN {rest}")
        elif word in ("ENV", "ARG"):
            script.append("export " + rest)
        elif word == "WORKDIR":
            script.append(f"mkdir -p {rest}; cd {rest}")
            if user:
                script.append(f"chown {user} {rest}")
        elif word == "USER":
            user = rest
        elif word == "COPY":
            words = rest.split()
            options = dict(w[2:].split("=", 1) for w in words if w.startswith("--"))
            *sources, target = [w for w in words if not w.startswith("--")]
            base = "/stages/" + options["from"] if "from" in options else CONTEXT
            script.append(f"echo '-- COPY {rest}'; mkdir -p {target if target.endswith('/') else f'$(dirname {target})'}")
            for source in sources:
                whole = f"{base}/{source.strip('/')}"
                inside = f"{whole}/." if source in (".", "./") or source.endswith("/") else whole
                script.append(f"cp -a {inside} {target}")
            if "chown" in options:
                script.append(f"chown -R {options['chown']} {target}")
        elif word == "HEALTHCHECK":
            health = as_list(rest.split("CMD", 1)[1].strip())
        elif word == "ENTRYPOINT":
            entry = as_list(rest)
        elif word == "CMD":
            command = as_list(rest)
        elif word not in ("LABEL", "EXPOSE", "STOPSIGNAL"):
            sys.exit(f"unknown instruction {word}")
    if arguments and (entry or command):
        run(entry + arguments, "ENTRYPOINT")
        if health and health[0] == entry[0]:
            run(health, "HEALTHCHECK")
    elif entry or command:  # what serves goes on until it is healthy
        begin = f"setpriv --reuid {user} --regid {user} --clear-groups env HOME=/home/ringtrain " if user else ""
        script.append(f"echo '-- ENTRYPOINT, then HEALTHCHECK'; {begin}{shlex.join(entry + command)} </dev/null & served=$!")
        if health:
            check = begin + shlex.join(health)
            script.append(f"for i in $(seq 30); do {check} && break; sleep 1; done; {check}")
        script.append("kill $served 2>/dev/null || true; wait $served || test $? -ge 128")
    # What other stages made is bound in while it is copied.
    subprocess.run(["mkdir", "-p", root], check=True)
    (root / ".ringtrain-bare-machine").touch()
    if last and with_folder:
        source, target = with_folder.split(":")
        target = root / target.strip("/")
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", f"{source}/.", target], check=True)
    for word, rest in stage["steps"]:
        for option in [w for w in rest.split() if word == "COPY" and w.startswith("--from=")]:
            other = option.split("=", 1)[1]
            for source in [w for w in rest.split() if not w.startswith("--")][:-1]:
                target = root / "stages" / other / source.strip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    subprocess.run(["cp", "-a", "--reflink=auto", str(roots[other]) + source, target], check=True)
    print(f"== stage {stage['name']}", flush=True)
    done = subprocess.run([SOURCE / "tools/bare_machine.sh", "--keep", "--log", folder / f"{stage['name']}.log", "--command", "\n".join(script), root])
    if done.returncode:
        sys.exit(f"stage {stage['name']} failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dockerfile", type=Path)
    parser.add_argument("--folder", type=Path, help="of the base systems; a new one by default, which stays")
    parser.add_argument("--with", dest="with_folder", help="a folder of this machine that is copied into the last stage, as a volume would be")
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_intermixed_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="ringtrain-docker-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    roots = {}
    found = stages(options.dockerfile.read_text())
    for stage in found:
        last = stage is found[-1]
        run_stage(stage, roots, folder, options.arguments if last else [], options.with_folder, last)
    print(f"every step ran; the base systems are in {folder}")


main()
