#!/bin/bash
# watched_loop_test.sh PROGRAM MPIRUN: a loop of one's own in which the last rank stops, hangs or leaves ends soon, with one message
# that names it; one in which nothing goes wrong is left alone.
set -u
program=$1 mpirun=$2
fail() { echo "FAILED: $1: $2"; exit 1; }
run() {  # way, ranks, exit code, text, and what it says of where the rank was
  local began=$SECONDS output code
  output=$(timeout 60 "$mpirun" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np "$2" "$program" "$1" 2>&1)
  code=$?
  echo "== $1 on $2 ranks: exit code $code after $((SECONDS - began)) s"
  grep -e '^ringtrain:' -e '^trained' <<<"$output"
  [ $code -ne 124 ] || fail "$1" "it hung"
  [ $code -eq "$3" ] || fail "$1" "expected exit code $3: $output"
  [ "$(grep -c -e "$4" <<<"$output")" = 1 ] || fail "$1" "expected once: $4"
  grep -q -e "$5" <<<"$output" || fail "$1" "expected: $5"
  [ "$(grep -c '^ringtrain:' <<<"$output")" -le 1 ] || fail "$1" "more than one rank speaks"
}
here="(host $(hostname), pid [0-9]*)"
run nothing 2 0 '^trained 4.0' '^trained'
run stop 3 4 "^ringtrain: rank 2 of 3 $here gave no sign of life for .* s (WatchLimits::heartbeat_timeout: 2)" "loading a batch, step 3"
run stuck 3 4 "^ringtrain: rank 2 of 3 $here is alive but does not go on: loading a batch, step 3, for .* s (WatchLimits::stall_timeout: 2 there)" \
  "step 3"
run early 2 4 "^ringtrain: rank 1 of 2 $here has come to its end, and the others wait for it" "waiting for the other ranks, step 3"
