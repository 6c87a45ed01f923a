#!/usr/bin/env bash
# Runs clang-tidy with the checks of .clang-tidy on the files, but for tests, that do not include LibTorch; with --all on every file
# (about half an hour). Other arguments: only files whose path contains one of them. clang-tidy is given the units of a unity build (cmake/Unity.cmake):
# it reads the headers once for several sources.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for argument in "$@"; do
  if [[ "$argument" == -* && "$argument" != --all ]]; then
    echo "usage: tools/lint.sh [--all] [part of a path]..." >&2
    exit 2
  fi
done

mkdir -p build
cmake --preset release -B build/lint/configured -DCMAKE_UNITY_BUILD=ON >build/lint.log || { cat build/lint.log >&2; exit 1; }
mapfile -t files < <(python3 tools/lint_files.py build/lint/configured build/lint "$@")
if ((${#files[@]} < 2)); then
  echo "tools/lint.sh: no file to look at" >&2
  exit 1
fi
echo "clang-tidy looks at ${files[0]} files"
printf '%s\0' "${files[@]:1}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build/lint --quiet --warnings-as-errors='*' 2> >(grep -v -e 'generated\.$' -e '^Suppressed' -e '^Use -' >&2) |
  python3 tools/lint_places.py
echo "clang-tidy found nothing"
