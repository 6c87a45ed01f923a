#!/usr/bin/env bash
# tools/check_includes.sh finds an include that points upwards, and passes the repository as it is.
# usage: check_includes_test.sh SOURCE
set -euo pipefail
source=$1
folder=$(mktemp -d "${TMPDIR:-/tmp}/ringtrain-includes.XXXXXX")
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
check() { "$source/tools/check_includes.sh" "$folder" >"$folder/out.txt" 2>&1; }

"$source/tools/check_includes.sh" "$source" || fail "the repository itself breaks the rule"

mkdir -p "$folder/common" "$folder/comm/mpi" "$folder/models" "$folder/trainer"
echo '#include "common/log.h"' >"$folder/comm/mpi/good.cpp"
echo '#include "comm/mpi/good.h"' >"$folder/trainer/good.cpp"
check || fail "includes that go downwards were refused: $(cat "$folder/out.txt")"

for bad in 'comm/mpi/bad.cpp:#include "trainer/trainer.h"' 'common/bad.h:#include "comm/world.h"' \
  'common/bad.cpp:#include <ringtrain/models/model.h>' 'trainer/bad.cpp:#include "../common/log.h"' \
  'trainer/bad.cpp:#include <spdlog/spdlog.h>' 'models/bad.h:#include "comm/communicator.h"'; do
  echo "${bad#*:}" >"$folder/${bad%%:*}"
  if check; then fail "not found: $bad"; fi
  grep -qF "${bad%%:*}:1:" "$folder/out.txt" || fail "$bad is not named: $(cat "$folder/out.txt")"
  rm "$folder/${bad%%:*}"
done
echo "check_includes.sh finds what it should"
