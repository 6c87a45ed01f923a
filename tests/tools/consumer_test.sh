#!/usr/bin/env bash
# Installs ringtrain into an empty folder and builds and runs with what is there: examples/consumer, own_loop, own_model,
# windows and own_loop_gan, and what `ringtrain new` writes.
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

# One as its README says; the others further down.
"$cmake" -S "$source/examples/consumer" -B "$folder/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$folder/installed"
"$cmake" --build "$folder/build"

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

# The other examples and what `ringtrain new` writes, unedited: one project, so that both cores and one precompiled header serve all.
# With RINGTRAIN_SOAK all examples and kinds.
examples=(own_loop own_model windows)
kinds=("dataset sparse_rows")
if [[ -n "${RINGTRAIN_SOAK:-}" ]]; then
  examples+=(own_loop_gan)
  kinds+=("callback goal --program" "model two_towers" "task by_ratio")
fi
(cd "$folder" && for kind in "${kinds[@]}"; do
  installed/bin/ringtrain new $kind
done) >"$folder/new.log" || fail "ringtrain new"
grep -q -e "-DCMAKE_PREFIX_PATH=$folder/installed" "$folder/new.log" || fail "it does not say where ringtrain is installed: $(cat "$folder/new.log")"
cat >"$folder/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(all_of_them LANGUAGES CXX)
enable_testing()
foreach(example IN LISTS CHOSEN)
  add_subdirectory("${EXAMPLES}/${example}" ${example})
endforeach()
add_subdirectory("${EXAMPLES}/../tests/library" library)
foreach(kind sparse_rows goal two_towers by_ratio)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${kind}")
    add_subdirectory(${kind})
  endif()
endforeach()
foreach(target sparse_rows_plugin two_towers_plugin by_ratio_plugin rides_plugin goal own_loop own_loop_gan rides windows library_cases)
  if(NOT TARGET ${target})
    continue()
  endif()
  set_target_properties(${target} PROPERTIES DEFINE_SYMBOL "")
  target_compile_options(${target} PRIVATE -fPIC)  # programs too: as the header was compiled
  if(target STREQUAL "sparse_rows_plugin")
    target_precompile_headers(${target} PRIVATE <ringtrain/trainer/plugins/plugin.h> <ATen/ATen.h>)
  else()
    target_precompile_headers(${target} REUSE_FROM sparse_rows_plugin)
  endif()
endforeach()
CMAKE
# Without lines for a debugger: they are a third of the work.
"$cmake" -S "$folder" -B "$folder/all" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DCMAKE_PREFIX_PATH="$folder/installed" \
  -DEXAMPLES="$source/examples" -DCHOSEN="$(IFS=';'; echo "${examples[*]}")" >"$folder/all.log"
"$cmake" --build "$folder/all" || fail "the examples or what \`ringtrain new\` writes do not build"
"$(dirname "$cmake")/ctest" --test-dir "$folder/all" -j 2 --output-on-failure || fail "what \`ringtrain new\` writes does not pass its own test"

for ranks in 1 3; do
  said=$("$mpiexec" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np $ranks "$folder/all/own_loop/own_loop")
  [[ "$said" == "$ranks ranks, 7 answers, largest error below 0.01: yes" ]] || fail "the loop of one's own on $ranks ranks: $said"
done
"$folder/all/own_model/rides" --version >/dev/null || fail "the program with kinds of its own does not run"
if [[ -n "${PEERS_PYTHON:-}" ]]; then
  export RINGTRAIN="$folder/installed/bin/ringtrain"
  "$PEERS_PYTHON" "$source/tests/launch/own_program.py" "$folder/all/own_model/rides"
  "$PEERS_PYTHON" "$source/tests/launch/own_windows.py" "$folder/all/windows/windows"
  [[ -z "${RINGTRAIN_SOAK:-}" ]] || "$PEERS_PYTHON" "$source/tests/launch/own_loop.py" "$folder/all/own_loop_gan/own_loop_gan" "$mpiexec"
fi
# What users of other libraries take for granted (tests/library), on 1 to 4 ranks, and over hosts where they can be made.
cases="$folder/all/library/library_cases"
[[ "$("$cases" --list | wc -l)" -gt 74 ]] || fail "the cases of tests/library are gone"
for ranks in 1 2 3 4; do
  timeout 120 "$mpiexec" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np $ranks "$cases" || fail "cases of tests/library on $ranks ranks"
done
hosts() { "$source/tools/emulate_hosts.sh" --name cases "$@"; }
if ((EUID == 0)) && unshare --net true 2>/dev/null && hosts up --hosts 3 >/dev/null; then
  trap 'hosts down; rm -rf "$folder"' EXIT
  mapfile -t words < <(hosts mpirun-args)
  timeout 180 "$source/tools/emulate_hosts.sh" --name cases run 0 mpirun "${words[@]}" "$cases" || fail "cases of tests/library over hosts"
  hosts down
fi
