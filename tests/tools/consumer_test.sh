#!/usr/bin/env bash
# Installs ringtrain into an empty folder and builds and runs examples/consumer, examples/own_model and examples/windows with what is there.
# usage: consumer_test.sh SOURCE BUILD CMAKE MPIEXEC
set -euo pipefail
source=$1 build=$2 cmake=$3 mpiexec=$4

folder=$(mktemp -d "${TMPDIR:-/tmp}/ringtrain-consumer.XXXXXX")
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

"$cmake" --install "$build" --prefix "$folder/installed" >"$folder/install.log" || { cat "$folder/install.log"; exit 1; }

# The installed command runs from where it is, and reads the installed configurations.
"$folder/installed/bin/ringtrain" --version || fail "the installed command does not run"
# Without what only a debugger reads.
if ! grep -q -e '^RINGTRAIN_STRIP:BOOL=OFF' -e '^CMAKE_BUILD_TYPE:STRING=Debug' "$build/CMakeCache.txt"; then
  for file in "$folder"/installed/bin/ringtrain "$folder"/installed/lib/*.so; do
    if [[ -e "$file" ]] && readelf --wide --sections "$file" | grep -q -e '\.symtab' -e '\.debug_'; then fail "${file#"$folder"/} was installed with symbols"; fi
  done
fi
[[ -d "$folder/installed/share/ringtrain/configs" ]] || fail "no configurations were installed"

# No file of the installation may lead back to the sources or the build.
if leaks=$(grep -rlF -e "$source/" -e "$build/" "$folder/installed/lib/cmake" "$folder/installed/include"); then
  fail "the package names the source or the build folder in: $leaks"
fi

build_example() {  # name, folder
  "$cmake" -S "$source/examples/$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$folder/installed"
  "$cmake" --build "$2"
}

build_example consumer "$folder/build"

run() { "$mpiexec" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np "$1" "$folder/build/sum_over_ranks"; }
[[ "$("$folder/build/sum_over_ranks")" == "1 ranks sum up 1 = 1" ]] || fail "wrong sum without a launcher"
[[ "$(run 2)" == "2 ranks sum up 1 + 2 = 3" ]] || fail "wrong sum on 2 ranks"
[[ "$(run 3)" == "3 ranks sum up 1 + 2 + 3 = 6" ]] || fail "wrong sum on 3 ranks"
echo "the consumer was built from the installed package and sums up on 1, 2 and 3 ranks"

# Every installed header, each by its full name, beside files of the program's own that are called as ours are inside.
mkdir -p "$folder/headers/comm" "$folder/headers/common"
echo '#error "this is not ringtrain'"'"'s"' | tee "$folder/headers/comm/communicator.h" "$folder/headers/common/errors.h" >/dev/null
(cd "$folder/installed/include" && find ringtrain -name '*.h' | sort | sed 's/.*/#include "&"/') >"$folder/headers/all.cpp"
echo 'int main() { return 0; }' >>"$folder/headers/all.cpp"
cat >"$folder/headers/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(headers LANGUAGES CXX)
find_package(ringtrain 0.1 REQUIRED COMPONENTS comm averaging trainer launch)
add_executable(headers all.cpp)
target_include_directories(headers PRIVATE .)
target_link_libraries(headers PRIVATE ringtrain::launch)
find_package(ringtrain 0.1 QUIET COMPONENTS no_such_part)
if(ringtrain_FOUND)
  message(FATAL_ERROR "a part that does not exist was found")
endif()
CMAKE
"$cmake" -S "$folder/headers" -B "$folder/headers/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/installed"
"$cmake" --build "$folder/headers/build" || fail "the installed headers do not compile"
if strange=$(nm -D --defined-only -C "$folder"/installed/lib/libringtrain.so | grep -v -e ' ringtrain::' -e ' for ringtrain::' -e ' to ringtrain::'); then
  fail "libringtrain.so shows what is not ringtrain's: $(head -3 <<<"$strange")"
fi

build_example own_model "$folder/own_model"
"$folder/own_model/rides" --version >/dev/null || fail "the program with kinds of its own does not run"
if [[ -n "${PEERS_PYTHON:-}" ]]; then
  RINGTRAIN="$folder/installed/bin/ringtrain" "$PEERS_PYTHON" "$source/tests/launch/own_program.py" "$folder/own_model/rides"
fi

build_example windows "$folder/windows"
if [[ -n "${PEERS_PYTHON:-}" ]]; then
  RINGTRAIN="$folder/installed/bin/ringtrain" "$PEERS_PYTHON" "$source/tests/launch/own_windows.py" "$folder/windows/windows"
fi
