#!/usr/bin/env bash
# Installs what ringtrain is built with. Does nothing where nothing is missing; safe to run again at any time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: tools/bootstrap.sh [--peers] [--tensorflow] [--triton] [--torchserve] [--lint] [--no-wheels] [--check]

Installs the Debian packages of tools/packages-debian.txt and, in a virtual environment, the Python wheels of
tools/python-libraries.txt, which carry the C++ libraries of LibTorch and Arrow.

  --peers      what only tests and benches need too: the Python libraries that they compare with (tools/python-peers.txt),
               Slurm and gdb (tools/packages-tests.txt)
  --tensorflow TensorFlow (1.6 GB), which one test needs: that it loads what is exported as SavedModel
  --triton     the core of NVIDIA's Triton (0.5 GB), which one test needs: that it serves what is exported
  --torchserve TorchServe (0.2 GB) and Java 17, a peer that bench/run.sh takes where it is installed
  --lint       the packages too that tools/format.sh and tools/lint.sh need (tools/packages-lint.txt)
  --no-wheels  no wheels: for your own LibTorch and Arrow, named to cmake by -DCMAKE_PREFIX_PATH
  --check      install nothing; say what is missing and end with 1 if something is

  RINGTRAIN_DEPS   where the virtual environments are kept (default: ~/.cache/ringtrain; for root /opt/ringtrain-libraries, which others
                   can read, unless ~/.cache/ringtrain is there); clones share them
TEXT
}

peers=false tensorflow=false triton=false torchserve=false lint=false wheels=true check=false
for argument in "$@"; do
  case "$argument" in
    --peers) peers=true ;;
    --tensorflow) tensorflow=true ;;
    --triton) triton=true ;;
    --torchserve) torchserve=true ;;
    --lint) lint=true ;;
    --no-wheels) wheels=false ;;
    --check) check=true ;;
    -h | --help) usage; exit 0 ;;
    *) echo "tools/bootstrap.sh: unknown option '$argument'" >&2; usage >&2; exit 2 ;;
  esac
done
if ! $wheels && { $peers || $triton || $torchserve; }; then
  echo "tools/bootstrap.sh: --peers, --triton and --torchserve need the wheels: leave out --no-wheels" >&2
  exit 2
fi

say() { echo "bootstrap: $*"; }
fail() { echo "bootstrap: $*" >&2; exit 1; }
lines_of() { grep -hv -e '^#' -e '^$' "$@"; }
key_of() { lines_of "$@" | sha256sum | cut -c 1-12; }

# --- Debian packages -------------------------------------------------------------------------------------------------
lists=(tools/packages-debian.txt)
if $lint; then lists+=(tools/packages-lint.txt); fi
if $peers; then lists+=(tools/packages-tests.txt); fi
if $torchserve; then lists+=(tools/packages-torchserve.txt); fi
missing=()
while read -r package; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  if [[ "$state" != installed ]]; then missing+=("$package"); fi
done < <(lines_of "${lists[@]}")

if ((${#missing[@]} > 0)); then
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail "this is not Debian or Ubuntu, so nothing was installed. Install what these packages hold with your own
package manager, put it on the PATH or name it by -DCMAKE_PREFIX_PATH, then configure with cmake --preset release:
  ${missing[*]}"
  fi
  command_line="apt-get update && apt-get install --no-install-recommends -y ${missing[*]}"
  if $check || ((EUID != 0)); then
    fail "${#missing[@]} Debian packages are missing. Install them as root, then run this again:
  $command_line"
  fi
  say "installing ${#missing[@]} Debian packages, about 2 minutes: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  began=$SECONDS
  apt-get update -q
  apt-get install -q -y --no-install-recommends "${missing[@]}"
  say "${#missing[@]} Debian packages installed in $((SECONDS - began)) s"
fi

# --- wheels ----------------------------------------------------------------------------------------------------------
base=$(tools/libraries_folder.sh)
if [[ "$base" != "${HOME:-}"/* ]]; then umask 022; fi

# make_environment FOLDER LIST [LIBRARIES_FOLDER]: a virtual environment with the wheels of LIST, whole when it holds
# .complete. One that was broken off is made anew; a second process waits for the first.
make_environment() {
  local folder=$1 list=$2 libraries=${3:-}
  if [[ -e "$folder/.complete" ]]; then return; fi
  if $check; then fail "$folder is missing: run tools/bootstrap.sh"; fi
  mkdir -p "$base"
  exec 9>"$folder.lock"
  if ! flock --nonblock 9; then
    say "another process is filling $folder: waiting for it"
    flock 9
  fi
  if [[ ! -e "$folder/.complete" ]]; then
    rm -rf "$folder"
    python3 -m venv "$folder"
    local site
    site=$(echo "$folder"/lib/python3*/site-packages)
    if [[ -n "$libraries" ]]; then
      # These see the libraries' packages, so that LibTorch is not installed twice.
      echo "$libraries"/lib/python3*/site-packages >"$site/ringtrain_libraries.pth"
    fi
    local began=$SECONDS
    # Python compiles what it imports when it imports it: of most files never.
    "$folder/bin/python3" -m pip install --no-input --disable-pip-version-check --no-compile --progress-bar off -r "$list"
    touch "$folder/.complete"
    say "$list installed in $((SECONDS - began)) s"
  fi
  flock --unlock 9
}

# add_environment NAME SIZE [LIBRARIES_FOLDER]: the environment of tools/python-NAME.txt.
add_environment() {
  local name=$1 size=$2 libraries=${3:-} keyed=("tools/python-$1.txt")
  if [[ -n "$libraries" ]]; then keyed=(tools/python-libraries.txt "${keyed[@]}"); fi
  local folder="$base/$name-$(key_of "${keyed[@]}")"
  if [[ ! -e "$folder/.complete" ]] && ! $check; then
    say "installing $(lines_of "tools/python-$name.txt" | paste -sd ' ') into $folder: $size of disk"
  fi
  make_environment "$folder" "tools/python-$name.txt" "$libraries"
}

if $wheels; then
  libraries="$base/libraries-$(key_of tools/python-libraries.txt)"
  if [[ ! -e "$libraries/.complete" ]] && ! $check; then
    say "installing $(lines_of tools/python-libraries.txt | paste -sd ' ') into $libraries: 2 to 10 minutes and 5 GB of disk,"
    say "most of it the CUDA libraries that this LibTorch is built with; a machine without a GPU carries them unused"
  fi
  make_environment "$libraries" tools/python-libraries.txt
fi
if $peers; then add_environment peers "0.7 GB" "$libraries"; fi
if $tensorflow; then add_environment tensorflow "1.6 GB"; fi
if $triton; then add_environment triton "0.5 GB" "$libraries"; fi
if $torchserve; then add_environment torchserve "0.2 GB" "$libraries"; fi
say "everything is there"
