#!/usr/bin/env bash
# tools/bootstrap.sh without installing anything: its key is CMake's, it says what is missing, and it installs nothing that
# is there.
# usage: bootstrap_test.sh SOURCE CMAKE
set -euo pipefail
source=$1 cmake=$2
folder=$(mktemp -d "${TMPDIR:-/tmp}/ringtrain-bootstrap.XXXXXX")
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

# A copy with lists of its own, so that nothing of this machine is touched; comments and blank lines do not count.
mkdir -p "$folder/clone/cmake" "$folder/bin" "$folder/deps"
cp -r "$source/tools" "$folder/clone/"
cp "$source/cmake/BootstrapFolder.cmake" "$folder/clone/cmake/"
cd "$folder/clone"
printf '# one\n\nbash\n' >tools/packages-debian.txt
printf 'bash\n' >tools/packages-torchserve.txt
printf '# libraries\n\nalpha==1.0\nbeta==2.0\n' >tools/python-libraries.txt
printf 'gamma[x]==3.0\n' >tools/python-peers.txt
export RINGTRAIN_DEPS="$folder/deps"

# pip is replaced by one that writes down what it was asked for.
cat >"$folder/bin/python3" <<'PYTHON'
#!/usr/bin/env bash
if [[ "$*" == "-m venv "* ]]; then
  mkdir -p "$3/bin" "$3/lib/python3.11/site-packages"
  printf '#!/bin/bash\necho "$@" >>"%s/pip.log"\nexit "${FAKE_PIP_EXIT:-0}"\n' "$RINGTRAIN_DEPS" >"$3/bin/python3"
  chmod +x "$3/bin/python3"
fi
PYTHON
chmod +x "$folder/bin/python3"
bootstrap() { PATH="$folder/bin:$PATH" tools/bootstrap.sh "$@"; }

if bootstrap --check >out.txt 2>&1; then fail "--check was content without the wheels"; fi
[[ ! -e "$RINGTRAIN_DEPS/pip.log" ]] || fail "--check installed something"

# Broken off in the middle: not taken for whole, and made anew.
if FAKE_PIP_EXIT=1 bootstrap >out.txt 2>&1; then fail "a failing pip went unnoticed"; fi
if ls "$RINGTRAIN_DEPS"/*/.complete 2>/dev/null; then fail "a failed installation was marked as whole"; fi

bootstrap --peers >out.txt 2>&1 || fail "$(cat out.txt)"
grep -q 'tools/python-libraries.txt' "$RINGTRAIN_DEPS/pip.log" || fail "the libraries were not installed"
grep -q 'tools/python-peers.txt' "$RINGTRAIN_DEPS/pip.log" || fail "the peers were not installed"
grep -q "$RINGTRAIN_DEPS/libraries-.*/site-packages" "$RINGTRAIN_DEPS"/peers-*/lib/python3.11/site-packages/*.pth ||
  fail "the peers do not see the libraries"
: >"$RINGTRAIN_DEPS/pip.log"
bootstrap --peers >out.txt 2>&1
[[ ! -s "$RINGTRAIN_DEPS/pip.log" ]] || fail "the second run installed again: $(cat "$RINGTRAIN_DEPS/pip.log")"

# What only some want: an environment of its own each, and only TensorFlow does without the libraries.
bootstrap --tensorflow --triton --torchserve >out.txt 2>&1 || fail "$(cat out.txt)"
for name in tensorflow triton torchserve; do
  grep -q "tools/python-$name.txt" "$RINGTRAIN_DEPS/pip.log" || fail "$name was not installed"
  [[ $name == tensorflow || -e $(echo "$RINGTRAIN_DEPS/$name"-*/lib/python3.11/site-packages/*.pth) ]] || fail "$name does not see the libraries"
done
if bootstrap --no-wheels --triton >out.txt 2>&1; then fail "Triton was installed without the libraries"; fi

# CMake finds what the script made: both compute the same keys.
cat >CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(keys NONE)
include(cmake/BootstrapFolder.cmake)
file(WRITE "${CMAKE_BINARY_DIR}/found.txt" "${RINGTRAIN_WHEELS}\n${RINGTRAIN_PEERS_PYTHON}\n${RINGTRAIN_TENSORFLOW_PYTHON}\n${RINGTRAIN_TRITON_PYTHON}\n")
CMAKE
"$cmake" -G Ninja -S . -B b >/dev/null
diff b/found.txt - <<TEXT || fail "CMake looks in another place than bootstrap.sh fills"
$(ls -d "$RINGTRAIN_DEPS"/libraries-*/lib/python3.11/site-packages)
$(ls "$RINGTRAIN_DEPS"/peers-*/bin/python3)
$(ls "$RINGTRAIN_DEPS"/tensorflow-*/bin/python3)
$(ls "$RINGTRAIN_DEPS"/triton-*/bin/python3)
TEXT
# A folder that is not whole is not used.
rm "$RINGTRAIN_DEPS"/libraries-*/.complete
"$cmake" -S . -B b >/dev/null
[[ "$(head -1 b/found.txt)" == "" ]] || fail "CMake uses a folder that was not finished"
bootstrap >out.txt 2>&1

# A package that is missing: not root, it prints the command to type and fails.
echo 'ringtrain-no-such-package' >>tools/packages-debian.txt
if bootstrap --check >out.txt 2>&1; then fail "a missing package went unnoticed"; fi
grep -q 'apt-get install .*ringtrain-no-such-package' out.txt || fail "it does not say what to type: $(cat out.txt)"
# Not Debian: no apt-get and no dpkg-query on the PATH.
mkdir "$folder/other"
for tool in bash dirname grep sha256sum cut paste cat; do ln -s "$(command -v $tool)" "$folder/other/$tool"; done
if PATH="$folder/other" tools/bootstrap.sh >out.txt 2>&1; then fail "it went on where there is no apt-get"; fi
grep -q 'not Debian' out.txt || fail "it does not say why: $(cat out.txt)"
grep -q 'bash ringtrain-no-such-package' out.txt || fail "no list of what to install: $(cat out.txt)"

# Where they are kept: what is said, an old cache, and for root a place that others can read.
place() { env -u RINGTRAIN_DEPS HOME="$folder/home" "$@" tools/libraries_folder.sh; }
mkdir "$folder/home"
[[ "$(tools/libraries_folder.sh)" == "$RINGTRAIN_DEPS" ]] || fail "RINGTRAIN_DEPS is passed over"
if ((EUID == 0)) && [[ -w /opt ]]; then
  [[ "$(place)" == /opt/ringtrain-libraries ]] || fail "root's place is $(place)"
  chmod 755 "$folder"
  if command -v setpriv >/dev/null; then
    other=$(place setpriv --reuid=65534 --regid=65534 --clear-groups)
    [[ "$other" == "$folder/home/.cache/ringtrain" ]] || fail "another user's place is $other"
  fi
fi
mkdir -p "$folder/home/.cache/ringtrain"
[[ "$(place)" == "$folder/home/.cache/ringtrain" ]] || fail "an old cache is not used any more"

# An option that is not known.
if bootstrap --wheel >out.txt 2>&1; then fail "an unknown option was accepted"; fi
echo "bootstrap.sh does what it says"
