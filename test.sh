#!/usr/bin/env bash
# Builds ringtrain and runs its tests.
#   ./test.sh [--preset release|dev|asan|tsan] [--soak] [options of ctest...]      ./test.sh -L comm      ./test.sh -R all_reduce
# --soak: the long forms of tests too, and the tests of the label soak: about half an hour more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

preset=release
if [[ "${1:-}" == --preset ]]; then
  preset=${2:?"--preset needs a name: release, dev, asan or tsan"}
  shift 2
fi

left_out=()
if [[ "${1:-}" == --soak ]]; then
  export RINGTRAIN_SOAK=1
  shift
else
  left_out+=(soak)
fi

tools/bootstrap.sh --peers
tools/fetch_datasets.sh
began=$SECONDS
tools/configure.sh "$preset"
export NINJA_STATUS="[%f/%t, %e s] "
cmake --build --preset "$preset"
echo "Built in $((SECONDS - began)) s"

gpu_tests=$(ctest --preset "$preset" --show-only -L '^gpu$' 2>/dev/null | sed -n 's/^Total Tests: //p')
if command -v nvidia-smi >/dev/null && nvidia-smi --list-gpus >/dev/null 2>&1; then
  echo "GPU found: the ${gpu_tests:-0} tests that need one run too."
else
  echo "No GPU on this machine: the ${gpu_tests:-0} tests that need one (label gpu) are NOT run."
  left_out+=(gpu)
fi
if ((${#left_out[@]} > 0)); then
  set -- --label-exclude "^($(IFS='|'; echo "${left_out[*]}"))\$" "$@"
fi
ctest --preset "$preset" -j "$(nproc)" "$@"
