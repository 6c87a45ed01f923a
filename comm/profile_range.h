#pragma once

#include <array>
#include <cstddef>

namespace ringtrain {

/// Names what this thread does, from its making to its end of life, for profilers: as a scope of PyTorch's
/// (torch.profiler, Kineto) and, where ringtrain was built with NVTX's headers, as a range of NVIDIA's
/// (Nsight Systems). Nobody listening costs some nanoseconds and no memory. In place, in the order of a
/// stack.
class ProfileRange {
 public:
  /// `name`: outlives it.
  explicit ProfileRange(const char* name);
  /// "bucket 3".
  ProfileRange(const char* name, std::size_t number);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;

 private:
  void begin(const char* name);
  std::array<char, 32> text_{};
  void* scope_ = nullptr;  ///< of PyTorch, where somebody listens
};

/// Whether NVTX's headers were there.
bool has_nvtx();

}  // namespace ringtrain
