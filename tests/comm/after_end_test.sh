#!/bin/bash
# after_end_test.sh WAY PROGRAM MPIRUN: what is called after the end of the world is an error, and destructors are silent.
set -u
way=$1 program=$2 mpirun=$3
output=$(timeout 30 "$mpirun" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np 2 "$program" "$way" 2>&1)
code=$?
echo "$output"
fail() { echo "FAILED: $1 (exit code $code)"; exit 1; }
[ $code -eq 0 ] || fail "expected 0"
[ "$output" = "all was refused
all was refused" ] || fail "expected one line of each rank and no more"
