#pragma once

namespace ringtrain::test {

// What this program's malloc has counted, of all libraries. For a program with counted_malloc.cpp among its
// sources; sanitizers have a malloc of their own.
struct Malloc {
  long calls = 0;  ///< that gave memory
  long bytes = 0;  ///< given, less those given back
};
Malloc malloc_of_program();
/// What the calling thread has done.
Malloc malloc_of_thread();

}  // namespace ringtrain::test
