#!/bin/bash
# failing_rank.sh WHERE PROGRAM MPIRUN: a rank that fails while the others wait in a batch norm ends the job soon, with its exit code, and
# says why once.
set -u
where=$1 program=$2 mpirun=$3
output=$(timeout 60 "$mpirun" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np 3 "$program" "$where" 2>&1)
code=$?
echo "$output"
fail() { echo "FAILED: $1 (exit code $code)"; exit 1; }
says() { [ "$(grep -c -- "$1" <<<"$output")" = "$2" ] || fail "expected '$1' on $2 line(s)"; }

[ $code -ne 124 ] || fail "the job hung"
case $where in
  data)
    [ $code -eq 3 ] || fail "expected 3"
    says "error: rank 1 of 3 (host $(hostname)) failed while training step 3: row 7 is torn" 1
    says "row 7 is torn" 1 ;;
  model)
    [ $code -eq 7 ] || fail "expected 7"
    says "rank 1 (host $(hostname)), training step 3: out of memory" 1 ;;
  batch)
    [ $code -eq 7 ] || fail "expected 7"
    says "error: .*batch norm in training needs more than one value a channel" 1
    says "more than one value a channel" 1 ;;
  none)
    [ $code -eq 0 ] || fail "expected 0" ;;
  *) fail "unknown place $where" ;;
esac
