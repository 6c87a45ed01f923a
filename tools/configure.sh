#!/usr/bin/env bash
# Configures build/PRESET. A build/release that is new is made of units, several sources compiled as one (cmake/Unity.cmake): all of them
# take a third of the time. A folder that is there stays as it is; `cmake --preset release` makes one where a change compiles one file.
#   tools/configure.sh PRESET [options of cmake...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:?"usage: tools/configure.sh PRESET [options of cmake...]"}
shift
if [[ "$preset" == release && ! -e build/release/CMakeCache.txt ]]; then set -- -DCMAKE_UNITY_BUILD=ON "$@"; fi
cmake --preset "$preset" "$@"
