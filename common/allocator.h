#pragma once

#include <malloc.h>

namespace ringtrain {

/// Tells glibc's allocator to keep freed memory: by default it returns every large tensor to the system at
/// once and pays with thousands of page faults a step. Blocks up to 32 MiB (the largest that glibc allows)
/// come from the heap, and the heap shrinks only when 1 GiB at its top is free. Process-wide; call it first
/// in `main`, before any other thread starts. Elsewhere than with glibc it does nothing.
inline void tune_allocator() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

}  // namespace ringtrain
