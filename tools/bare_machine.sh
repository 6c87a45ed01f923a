#!/usr/bin/env bash
# Tries the two commands on a bare machine: makes a Debian 12 base system in a folder, clones this checkout into it, and runs
# ./quickstart.sh and ./test.sh there as root. Needs root and debootstrap; takes about 30 minutes and 10 GB of disk.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: tools/bare_machine.sh [--keep] [--log FILE] [--command COMMAND]... [ROOT]

  ROOT               the folder of the base system (default: a new one below ${TMPDIR:-/tmp}); one that is there is used again
  --keep             leave ROOT there afterwards
  --log FILE         where the output is kept too (default: build/bare_machine.log)
  --command COMMAND  run this in the clone instead of ./quickstart.sh and ./test.sh; may be given several times

Only committed files are tried: the clone is of HEAD.
TEXT
}

keep=false root="" log=build/bare_machine.log commands=()
while (($# > 0)); do
  case "$1" in
    --keep) keep=true ;;
    --log) log=${2:?"--log needs a file"}; shift ;;
    --command) commands+=("${2:?"--command needs a command"}"); shift ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "tools/bare_machine.sh: unknown option '$1'" >&2; usage >&2; exit 2 ;;
    *) root=$1 ;;
  esac
  shift
done
if ((${#commands[@]} == 0)); then commands=(./quickstart.sh ./test.sh); fi
if ((EUID != 0)) || ! command -v debootstrap >/dev/null; then
  echo "tools/bare_machine.sh needs root and debootstrap (apt-get install debootstrap)" >&2
  exit 1
fi

mkdir -p "$(dirname "$log")"
exec > >(tee "$log") 2>&1
if [[ -z "$root" ]]; then root=$(mktemp -d "${TMPDIR:-/tmp}/ringtrain-bare.XXXXXX"); fi
mkdir -p "$root"
root=$(cd "$root" && pwd)
# It is deleted at the end, so a folder that holds anything else is refused.
if [[ ! -e "$root/.ringtrain-bare-machine" && -n "$(ls -A "$root")" ]]; then
  echo "tools/bare_machine.sh: $root is not empty and was not made by this script" >&2
  exit 1
fi
touch "$root/.ringtrain-bare-machine"

# The deepest first; commands inside mount folders too (ip netns).
unmount() {
  local folder
  awk -v root="$root" '$2 == root || index($2, root "/") == 1 {print $2}' /proc/mounts | sort --reverse |
    while read -r folder; do umount "$folder" || umount --lazy "$folder"; done
}
leave() {
  local status=$?
  unmount
  # Never delete through a mount that is still there.
  if grep -qE " $root[/ ]" /proc/mounts; then
    echo "bare machine: something is still mounted below $root: it is left there"
  elif ! $keep; then
    rm -rf --one-file-system "$root"
  else
    echo "bare machine: kept in $root"
  fi
  exit $status
}
trap leave EXIT
trap 'exit 130' INT TERM

started=$SECONDS
took() { printf '== %s: %d min %d s\n' "$1" $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)); started=$SECONDS; }

# --- the base system: with this machine's package sources, name resolution and certificates --------------------------
echo "== bare machine in $root; $(nproc) cores, $(free -g | awk '/^Mem/ {print $2}') GB of memory, commit $(git rev-parse --short HEAD)"
if [[ ! -e "$root/etc/debian_version" ]]; then
  # Where this machine takes its own packages from, in either format of apt; else Debian's default.
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    awk '$1 == "URIs:" {print $2; exit} $1 == "deb" {for (i = 2; i <= NF; ++i) if ($i ~ /^[a-z+]+:\/\//) {print $i; exit}}')
  debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} >"$root.debootstrap.log" 2>&1 ||
    { tail -20 "$root.debootstrap.log"; exit 1; }
  rm -f "$root.debootstrap.log"
fi
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf; do
  if [[ -e "$file" ]]; then cp --dereference "$file" "$root$file"; fi
done
if [[ -d /etc/ssl/certs ]]; then
  mkdir -p "$root/etc/ssl/certs" "$root/usr/local/share/ca-certificates"
  cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
  cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
fi
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources /etc/apt/auth.conf \
  /etc/apt/auth.conf.d/* /etc/apt/keyrings/* /usr/share/keyrings/* /etc/apt/trusted.gpg.d/*; do
  if [[ -f "$file" ]]; then install -D -m 644 "$file" "$root$file"; fi
done
# Of apt's settings only those that say how to reach the packages.
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
  if [[ -f "$file" ]] && grep -qE '^[^/#]*Acquire::' "$file"; then install -D -m 644 "$file" "$root$file"; fi
done

mount --bind "$root" "$root"  # as on a machine, / is a mount point
mount --make-private "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sys "$root/sys"
mount --bind /dev "$root/dev"
mkdir -p "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o size=2g shm "$root/dev/shm"  # MPI's ranks meet there

# Nothing of this machine's environment but how to reach packages.
environment=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb)
while IFS='=' read -r -d '' name value; do
  case "$name" in
    PIP_FIND_LINKS) ;;  # a folder of this machine
    PIP_* | *_proxy | *_PROXY | SSL_CERT_FILE | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE) environment+=("$name=$value") ;;
  esac
done </proc/self/environ
inside() { chroot "$root" env -i "${environment[@]}" bash -c "$1"; }

inside 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends git ca-certificates' \
  >"$root/apt.log" 2>&1 || { cat "$root/apt.log"; exit 1; }
if [[ -e /etc/ssl/certs/ca-certificates.crt ]]; then
  # The installation wrote its own; this machine's may hold one more.
  cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
rm -rf "$root/root/ringtrain" "$root/root/.cache" "$root/opt/ringtrain-libraries"
git clone -q --no-hardlinks . "$root/root/ringtrain"
took "base system with git, and a clone"

# --- the commands ----------------------------------------------------------------------------------------------------
for command in "${commands[@]}"; do
  echo "== $command"
  if inside "cd /root/ringtrain && $command" </dev/null; then
    took "$command passed"
  else
    took "$command FAILED"
    exit 1
  fi
done
