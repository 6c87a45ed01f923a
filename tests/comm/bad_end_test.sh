#!/bin/bash
# bad_end_test.sh WAY PROGRAM MPIRUN: a job in which a rank ends badly must end soon, not with success, and say why once.
set -u
way=$1 program=$2 mpirun=$3
output=$(timeout 30 "$mpirun" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np 2 "$program" "$way" 2>&1)
code=$?
echo "$output"
fail() { echo "FAILED: $1 (exit code $code)"; exit 1; }
says() { [ "$(grep -c -- "$1" <<<"$output")" = "$2" ] || fail "expected '$1' on $2 line(s)"; }

[ $code -ne 124 ] || fail "the job hung"
case $way in
  throw)
    [ $code -eq 3 ] || fail "expected the exit code of the rank that threw, 3"
    says "error: row 7 is torn" 1
    says "ends without closing the world" 1 ;;
  return)
    [ $code -ne 0 ] || fail "expected another code than 0"
    says "ends without closing the world" 1 ;;
  abort)
    [ $code -eq 9 ] || fail "expected the code given to abort, 9" ;;
  together)
    [ $code -eq 3 ] || fail "expected 3"
    says "error: rank 1 of 2 (host $(hostname)) failed while reading the data: row 7 is torn" 1
    says "error:" 1 ;;
  count)
    [ $code -eq 4 ] || fail "expected 4"
    says "error: the launcher started 3 ranks, but MPI sees 2" 2 ;;
  *) fail "unknown way $way" ;;
esac
