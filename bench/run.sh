#!/usr/bin/env bash
# Runs ringtrain's benches and their peers side by side; --help lists the options, docs/benchmarks.md says what is compared.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The Python of an environment of tools/bootstrap.sh.
python_of() {
  local key
  key=$(grep -hv -e '^#' -e '^$' "$root/tools/python-libraries.txt" "$root/tools/python-$1.txt" | sha256sum | cut -c 1-12)
  echo "$("$root/tools/libraries_folder.sh")/$1-$key/bin/python3"
}
export PEERS_PYTHON=${PEERS_PYTHON:-$(python_of peers)}
export TORCHSERVE_PYTHON=${TORCHSERVE_PYTHON:-$(python_of torchserve)}
if [[ ! -x "$PEERS_PYTHON" ]]; then
  echo "bench/run.sh: the peers are not installed: run tools/bootstrap.sh --peers" >&2
  exit 1
fi
export RINGTRAIN_BUILD=${RINGTRAIN_BUILD:-$root/build/release}
if [[ ! -x "$RINGTRAIN_BUILD/bin/bench_step_time" ]]; then
  echo "bench/run.sh: $RINGTRAIN_BUILD has no benches: cmake --preset release && cmake --build --preset release" >&2
  exit 1
fi
exec "$PEERS_PYTHON" -u "$root/bench/driver/main.py" "$@"
