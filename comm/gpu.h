#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ringtrain {

/// The GPUs that this process may use (CUDA_VISIBLE_DEVICES is obeyed), asked of the driver alone: no CUDA
/// library is loaded and no context is made on any GPU.
struct Gpus {
  std::vector<std::string> ids;  ///< one a GPU, unique on the host: device cuda:N is ids[N]
  std::vector<std::string> pci;  ///< their places on the bus: "0000:3b:00.0"; empty texts where not known
  std::string why_none;          ///< when there are none: "no NVIDIA driver: /dev/nvidiactl is not there"
};
Gpus find_gpus();

/// Whether this machine has an NVIDIA GPU, as the kernel sees it, with or without a driver; false when
/// CUDA_VISIBLE_DEVICES hides all. `root`: where /dev and /sys are, for tests.
bool has_nvidia_gpu(const std::filesystem::path& root = "/");

}  // namespace ringtrain
