#!/usr/bin/env bash
# Prints the folder that keeps the virtual environments of tools/bootstrap.sh: $RINGTRAIN_DEPS; for root a folder that others can
# read too, since what is built with it is often installed for them; else ~/.cache/ringtrain, which is kept where it is there.
set -euo pipefail
cache="${HOME:-/nonexistent}/.cache/ringtrain"
if [[ -n "${RINGTRAIN_DEPS:-}" ]]; then
  echo "$RINGTRAIN_DEPS"
elif ((EUID == 0)) && [[ ! -d "$cache" && -w /opt ]]; then
  echo /opt/ringtrain-libraries
else
  echo "$cache"
fi
