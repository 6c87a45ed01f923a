#!/usr/bin/env bash
# Runs ringtrain's benches and their peers side by side; --help lists the options, docs/benchmarks.md says what is compared.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

key=$(grep -hv -e '^#' -e '^$' "$root/tools/python-libraries.txt" "$root/tools/python-peers.txt" | sha256sum | cut -c 1-12)
export PEERS_PYTHON=${PEERS_PYTHON:-${RINGTRAIN_DEPS:-$HOME/.cache/ringtrain}/peers-$key/bin/python3}
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
