#pragma once

#include <cstddef>

namespace ringtrain::ring {

/// Makes shared memory private in child processes (fork), as ordinary memory is: at the same address a child
/// finds a copy on write, so that it can neither change its parent's gradients nor crash on them. A page that
/// it has not written may show what its parent writes later.
class PrivateInChildren {
 public:
  /// `data`: `bytes` of `file`, mapped; both stay until this is destroyed. Throws CommError.
  PrivateInChildren(std::byte* data, std::size_t bytes, int file);
  ~PrivateInChildren();
  PrivateInChildren(const PrivateInChildren&) = delete;
  PrivateInChildren& operator=(const PrivateInChildren&) = delete;

 private:
  std::byte* data_;
};

}  // namespace ringtrain::ring
