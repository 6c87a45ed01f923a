#include "comm/ring/private_in_children.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <mutex>

#include "common/errors.h"

namespace ringtrain::ring {
namespace {

struct Mappings {
  struct Mapping {
    std::size_t bytes;
    int file;
  };
  std::mutex mutex;
  std::map<std::byte*, Mapping> by_address;
};

// pthread_atfork takes functions without an argument: what they work on cannot be passed. Never destroyed:
// tensors of static storage outlive everything else.
Mappings& mappings() {
  static auto* all = new Mappings();
  return *all;
}

// Before the child's first own instruction. What cannot be made private cannot be touched.
void make_private() {
  for (const auto& [data, mapping] : mappings().by_address)
    if (::mmap(data, mapping.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, mapping.file, 0) ==
        MAP_FAILED)
      ::mprotect(data, mapping.bytes, PROT_NONE);
  mappings().by_address.clear();  // a grandchild copies what the child has
  mappings().mutex.unlock();
}

int watch_forks() {
  return ::pthread_atfork([] { mappings().mutex.lock(); }, [] { mappings().mutex.unlock(); }, make_private);
}

}  // namespace

PrivateInChildren::PrivateInChildren(std::byte* data, std::size_t bytes, int file) : data_(data) {
  static const int error = watch_forks();
  if (error != 0) throw CommError(fmt::format("pthread_atfork failed: {}", std::strerror(error)));
  const std::lock_guard lock(mappings().mutex);
  mappings().by_address[data] = {bytes, file};
}

PrivateInChildren::~PrivateInChildren() {
  const std::lock_guard lock(mappings().mutex);
  mappings().by_address.erase(data_);
}

}  // namespace ringtrain::ring
