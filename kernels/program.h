#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>
#include <vector>

namespace ringtrain::kernels {

/// Kernels for GPUs, compiled by NVRTC for the GPU at hand when it is first used. `text`: CUDA
/// C++ that includes nothing and stands behind numbers.cu, which it takes its types from.
class Program {
 public:
  Program(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {}

  /// Starts a kernel on the current stream of `device`. `arguments`: where each one stands, as cuLaunchKernel
  /// takes them. Throws TrainingError with what the compiler or the driver says.
  void launch(const char* kernel, c10::Device device, c10::ScalarType number, unsigned blocks,
              unsigned threads, std::vector<void*> arguments) const;

 private:
  std::string name_, text_;
};

/// A kernel's binary for a GPU of this compute capability ("90"), without a GPU. Throws TrainingError.
std::string compiled(const std::string& name, const std::string& text, c10::ScalarType number,
                     const std::string& capability);

}  // namespace ringtrain::kernels
