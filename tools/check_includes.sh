#!/usr/bin/env bash
# Checks that a folder includes only itself and the folders below it (docs/architecture.md), models/ nothing of comm/, and that the
# log's library stays in one file.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

layers=(common storage kernels comm data models serving trainer launch)  # from the bottom up
sources() { find "$@" -name '*.h' -o -name '*.cpp'; }
status=0
complain() {  # lines of grep, what is wrong with them
  if [[ -n "$1" ]]; then
    printf '%s\n    <- %s\n' "$1" "$2" >&2
    status=1
  fi
}

above=("${layers[@]}")
for folder in "${layers[@]}"; do
  above=("${above[@]:1}")
  if [[ ! -d "$folder" ]] || ((${#above[@]} == 0)); then continue; fi
  pattern="^#include [\"<](ringtrain/)?($(IFS='|' && echo "${above[*]}"))/"
  complain "$(sources "$folder" | xargs -r grep -nHE "$pattern" || true)" "$folder is below it, and must not know it"
done

if [[ -d models ]]; then
  complain "$(sources models | xargs -r grep -nHE '^#include ["<](ringtrain/)?comm/' || true)" \
    "a model knows no ranks: what joins them is trainer/'s"
fi

existing=()
for folder in "${layers[@]}"; do if [[ -d "$folder" ]]; then existing+=("$folder"); fi; done
complain "$(sources "${existing[@]}" | xargs -r grep -nHE '^#include "\.\.?/' || true)" \
  "name the file from the root of the repository"
complain "$(sources "${existing[@]}" | grep -vx common/log.cpp | xargs -r grep -nHE '^#include [<"]spdlog/' || true)" \
  "only common/log.cpp may include spdlog: its fmt is not LibTorch's"
if ((status == 0)); then echo "includes go downwards in all of: ${existing[*]}"; fi
exit $status
