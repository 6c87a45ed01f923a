#!/usr/bin/env bash
# What root installs other users can run: the libraries go beside it, and who leaves them out is told.
# usage: install_for_others_test.sh BUILD CMAKE
set -euo pipefail
build=$1 cmake=$2
fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "$*: NOT RUN"; exit 77; }
((EUID == 0)) || skip "another user's part needs root"
command -v setpriv >/dev/null || skip "setpriv is not there"

folder=$(mktemp -d "${TMPDIR:-/tmp}/ringtrain-others.XXXXXX")
trap 'rm -rf "$folder"' EXIT
libraries=$(sed -n 's/^set(_torch "\(.*\)")$/\1/p' "$build/package/install_libraries.cmake")
wheels=$(sed -n 's/^set(_wheels "\(.*\)")$/\1/p' "$build/package/install_libraries.cmake")
[[ -n "$wheels" && "$libraries" == "$wheels"/* ]] || skip "LibTorch is not that of tools/bootstrap.sh"
# Gigabytes, if they cannot be links.
ln "$libraries/libc10.so" "$folder/link" 2>/dev/null || skip "$folder is another file system than $libraries"

nobody() { (cd / && env -i PATH="$PATH" HOME="$folder/home" setpriv --reuid=65534 --regid=65534 --clear-groups "$@"); }
install_it() { "$cmake" --install "$build" --prefix "$1" "${@:2}" >"$folder/install.log" 2>&1 || { cat "$folder/install.log"; exit 1; }; }

# Where nobody else comes there is nothing to say.
install_it "$folder/mine"
! grep -q 'Other users cannot run' "$folder/install.log" || fail "a private folder was warned of"

chmod 755 "$folder"
install_it "$folder/mine"
if nobody test -r "$libraries/libc10.so"; then
  ! grep -q 'Other users cannot run' "$folder/install.log" || fail "all can read the libraries, but: $(cat "$folder/install.log")"
else
  grep -q 'Other users cannot run' "$folder/install.log" || fail "nobody was told"
  if nobody "$folder/mine/bin/ringtrain" --version >/dev/null 2>&1; then fail "it runs without its libraries?"; fi
fi

install_it "$folder/mine" --component libraries
install_it "$folder/mine"
! grep -q 'Other users cannot run' "$folder/install.log" || fail "it warns though the libraries are there"
mkdir -m 777 "$folder/home"
nobody "$folder/mine/bin/ringtrain" --version || fail "another user cannot run it"
nobody "$folder/mine/bin/ringtrain" config model.mlp | grep -q hidden || fail "another user's command does nothing"
if nobody test ! -r "$libraries/libc10.so"; then
  # Nothing of what it maps lies where others cannot read.
  missing=$(nobody ldd "$folder/mine/bin/ringtrain" "$folder"/mine/lib/*.so | grep 'not found' || true)
  [[ -z "$missing" ]] || fail "not found by others: $missing"
fi

# Without what it belongs to.
if "$cmake" --install "$build" --prefix "$folder/nothing" --component libraries >"$folder/install.log" 2>&1; then fail "libraries alone were installed"; fi
grep -q 'without --component first' "$folder/install.log" || fail "it does not say what to do: $(cat "$folder/install.log")"
echo "what root installs others can run"
