#!/usr/bin/env bash
# Formats all C++ files of the repository with .clang-format; with --check only says which ones differ.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.h' '*.cpp' | while read -r file; do
  if [[ -e "$file" ]]; then echo "$file"; fi
done)
case "${1:-}" in
  "") clang-format -i "${files[@]}" ;;
  --check) clang-format --dry-run --Werror "${files[@]}" && echo "${#files[@]} files are formatted" ;;
  *) echo "usage: tools/format.sh [--check]" >&2; exit 2 ;;
esac
