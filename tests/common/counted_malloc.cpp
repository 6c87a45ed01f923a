#include "tests/common/counted_malloc.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace {

std::atomic<long> all_calls{0}, all_bytes{0};
thread_local ringtrain::test::Malloc here;

void add_bytes(long bytes) {
  all_bytes += bytes;
  here.bytes += bytes;
}

void* counted(void* memory) {
  ++all_calls;
  ++here.calls;
  add_bytes(static_cast<long>(::malloc_usable_size(memory)));
  return memory;
}

}  // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): glibc's own
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t size) { return counted(__libc_malloc(size)); }
void* calloc(std::size_t count, std::size_t size) { return counted(__libc_calloc(count, size)); }
void* realloc(void* old, std::size_t size) {
  const auto before = static_cast<long>(::malloc_usable_size(old));
  void* const memory = counted(__libc_realloc(old, size));
  if (memory != nullptr || size == 0) add_bytes(-before);
  return memory;
}
void* memalign(std::size_t alignment, std::size_t size) { return counted(__libc_memalign(alignment, size)); }
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
  *result = memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  add_bytes(-static_cast<long>(::malloc_usable_size(memory)));
  __libc_free(memory);
}
}

namespace ringtrain::test {

Malloc malloc_of_program() { return {all_calls, all_bytes}; }
Malloc malloc_of_thread() { return here; }

}  // namespace ringtrain::test
