#!/usr/bin/env bash
# docs/configuration.md is what `ringtrain config` prints; every subcommand has help; wrong use ends with 2 and says how it goes.
set -euo pipefail
cd "$RINGTRAIN_SOURCE"
diff <("$RINGTRAIN" config) docs/configuration.md || { echo "run: ringtrain config > docs/configuration.md" >&2; exit 1; }
for command in init train predict generate config; do
  "$RINGTRAIN" "$command" --help | grep -q -i "usage" || { echo "no help for $command" >&2; exit 1; }
done
"$RINGTRAIN" config trainer.optimizer | grep -q 'lr'
"$RINGTRAIN" --version | grep -q 'LibTorch 2'
code=0; "$RINGTRAIN" trian configs/cancer.yaml >/dev/null 2>&1 || code=$?
[ "$code" = 2 ] || { echo "an unknown subcommand ended with $code" >&2; exit 1; }
code=0; "$RINGTRAIN" config no.such.key >/dev/null 2>&1 || code=$?
[ "$code" = 2 ] || { echo "an unknown key ended with $code" >&2; exit 1; }
