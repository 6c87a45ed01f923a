#!/usr/bin/env bash
# What ctest runs: trains on one rank and on two. usage: test.sh COMMAND [PLUGIN]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
command=$1 jobs=$(mktemp -d)
trap 'rm -rf "$jobs"' EXIT
options=(--set trainer.precision=float64)  # so that only the order of sums differs between numbers of ranks
if (($# > 1)); then options+=(--set "plugins=[$2]"); fi

fail() { echo "FAILED: $*" >&2; exit 1; }
train() {  # name of the job, more arguments; what it ends with is in NAME.txt
  local job=$1
  shift
  "$command" train your_name.yaml --job-dir "$jobs/$job" "${options[@]}" "$@" >"$jobs/$job.txt" 2>"$jobs/$job.log" ||
    { cat "$jobs/$job.log" >&2; fail "$job"; }
}
ends() { sed -n '/^Test part/,/^$/p' "$jobs/$1.txt"; }  # the table of the test part
metric() { ends "$1" | awk -v name="$2" '$1 == name { print $2 }'; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }' || fail "expected $1 to be less than $2"; }

train one --ranks 1
train two --ranks 2
ends one
[[ -n "$(ends one)" && "$(ends one)" == "$(ends two)" ]] || { ends two; fail "two ranks compute other numbers than one"; }
