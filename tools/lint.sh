#!/usr/bin/env bash
# Runs clang-tidy with the checks of .clang-tidy on the files that do not include LibTorch (about seven minutes on two
# cores); with --all on every file (about half an hour). Other arguments: only files whose path contains one of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build
all=()
words=()
for argument in "$@"; do
  case "$argument" in
    --all) all=(--all) ;;
    -*) echo "usage: tools/lint.sh [--all] [part of a path]..." >&2; exit 2 ;;
    *) words+=(-e "$argument") ;;
  esac
done

# A folder of its own, for clang-tidy looks at each file by itself: in that of a unity build the commands are those of units.
cmake --preset release -B build/lint/configured -DCMAKE_UNITY_BUILD=OFF >build/lint.log || { cat build/lint.log >&2; exit 1; }
mapfile -t files < <(python3 tools/lint_files.py build/lint/configured build/lint "${all[@]}" |
  if ((${#words[@]})); then grep -F "${words[@]}" || true; else cat; fi)
if ((${#files[@]} == 0)); then
  echo "tools/lint.sh: no file to look at" >&2
  exit 1
fi
echo "clang-tidy looks at ${#files[@]} files"
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build/lint --quiet --warnings-as-errors='*' 2> >(grep -v -e 'warnings generated' -e '^Suppressed' -e '^Use -' >&2)
echo "clang-tidy found nothing"
