#include "launch/version.h"

#include <fmt/format.h>
#include <torch/version.h>

#include "comm/backends.h"
#include "common/text.h"

namespace ringtrain {

std::string version() { return RINGTRAIN_VERSION; }

std::map<std::string, std::string> library_versions() {
  return {{"libtorch", TORCH_VERSION}, {"ringtrain", version()}, {"mpi", mpi_version()}};
}

std::string version_text() {
  const auto backends = available_backends();
  const bool nccl = std::find(backends.begin(), backends.end(), "nccl") != backends.end();
  return fmt::format("ringtrain {}\nLibTorch {}\nMPI {}\nbackends: {}{}", version(), TORCH_VERSION,
                     mpi_version(), join(backends), nccl ? "" : " (without NCCL: this LibTorch has no CUDA)");
}

}  // namespace ringtrain
