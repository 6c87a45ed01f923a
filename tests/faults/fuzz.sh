#!/usr/bin/env bash
# Runs a libFuzzer target for a while: fuzz.sh TARGET SEED_FOLDER SECONDS (300 with RINGTRAIN_SOAK=1). What it finds is kept and printed. SEED_FOLDER.dict, where it is
# there, has words that are tried in the input.
set -euo pipefail
target=$1 seeds=$2 seconds=${RINGTRAIN_FUZZ_SECONDS:-$3}
if [[ -n "${RINGTRAIN_SOAK:-}" && -z "${RINGTRAIN_FUZZ_SECONDS:-}" ]]; then seconds=300; fi
work=$(mktemp -d "${TMPDIR:-/tmp}/ringtrain-fuzz.XXXXXX")
cp -r "$seeds" "$work/corpus"
mkdir "$work/found"
words=()
if [[ -e "$seeds.dict" ]]; then words=("-dict=$seeds.dict"); fi
status=0
# Deep input must not need a deep stack; memory is limited as on a small machine.
(ulimit -s 8192; "$target" "$work/corpus" -max_total_time="$seconds" -max_len=20000 -rss_limit_mb=4096 -timeout=10 -print_final_stats=1 "${words[@]}" \
  -verbosity=0 -artifact_prefix="$work/found/" >"$work/log" 2>&1) || status=$?
grep -E "stat::number_of_executed_units|SUMMARY|ERROR" "$work/log" || tail -20 "$work/log"
if ((status != 0)); then
  tail -40 "$work/log"
  echo "kept: $work"
  exit 1
fi
rm -rf "$work"
