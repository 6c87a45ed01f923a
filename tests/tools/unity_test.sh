#!/usr/bin/env bash
# cmake/Unity.cmake: sources share units, and a program means the same with and without; a plain unity build of these would not compile, or
# call another file's function.
# usage: unity_test.sh SOURCE CMAKE
set -euo pipefail
source=$1 cmake=$2
folder=$(mktemp -d "${TMPDIR:-/tmp}/ringtrain-unity.XXXXXX")
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
cd "$folder"

cat >price.h <<'CPP'
int price(int items);  // of 100 each
CPP
cat >price.cpp <<'CPP'
#include "price.h"
int price(int items) { return 100 * items; }
CPP
# A function of the same name that would fit better.
cat >cheap.cpp <<'CPP'
namespace {
int price(double items) { return static_cast<int>(items); }
}  // namespace
int cheap() { return price(2.0); }
CPP
cat >dear.cpp <<'CPP'
#include "price.h"
int dear() { return price(2.0); }
CPP
# Namesakes: types, constants, functions with the type on a line of its own.
for name in one two; do
  cat >$name.cpp <<CPP
constexpr int kMore = ${#name};
namespace {
struct Piece {
  char bytes[sizeof("$name") * ${#name}];
};
constexpr int kSize = sizeof(Piece);
constexpr int
size_of_piece(int more) {
  return kSize + more;
}
}  // namespace
int $name() { return size_of_piece(kMore); }
CPP
done
# A macro that would change what comes after it.
cat >macro.cpp <<'CPP'
#define return throw
int macro() { return 0; }
#undef return
CPP
sed -i 's/^#undef.*//' macro.cpp
for name in plain other third; do echo "int $name() { return 7; }" >$name.cpp; done
cat >main.cpp <<'CPP'
#include <cstdio>
int cheap();
int dear();
int one();
int two();
int plain();
int other();
int third();
int main() { std::printf("%d %d %d %d %d\n", cheap(), dear(), one(), two(), plain() + other() + third()); }
CPP
cat >CMakeLists.txt <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(names CXX)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_executable(names macro.cpp cheap.cpp price.cpp dear.cpp one.cpp two.cpp plain.cpp other.cpp third.cpp main.cpp)
target_compile_features(names PRIVATE cxx_std_20)
include("$source/cmake/Unity.cmake")
CMAKE
"$cmake" -G Ninja -S . -B b -DCMAKE_UNITY_BUILD=ON >configure.log || { cat configure.log; exit 1; }
"$cmake" --build b >build.log || { cat build.log; fail "it does not compile"; }
[[ "$(b/names)" == "2 200 15 15 21" ]] || fail "the units mean something else: $(b/names)"
compiled=$(grep -c '"file"' b/compile_commands.json)
((compiled <= 5)) || fail "10 sources became $compiled units"
grep -q 'macro.cpp"' b/compile_commands.json || fail "the source with a macro is not alone"
echo "10 sources in $compiled units, with the same meaning"
