#include "kernels/program.h"

#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <nvrtc.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "common/errors.h"
#include "kernel_texts.h"

namespace ringtrain::kernels {
namespace {

/// A library that LibTorch brings, or the driver; never closed. What is called of it has the type that its
/// header says.
class Library {
 public:
  explicit Library(const std::vector<const char*>& names) {
    for (const auto* name : names)
      if ((handle_ = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) != nullptr) return;
    throw TrainingError(
        fmt::format("a kernel for the GPU needs {}, which cannot be loaded: {}; it is part of LibTorch's "
                    "CUDA build, or of "
                    "the driver",
                    names[0], ::dlerror()));
  }
  template <class Function>
  Function at(const char* name) const {
    if (auto* found = ::dlsym(handle_, name)) return reinterpret_cast<Function>(found);
    throw TrainingError(fmt::format("a kernel for the GPU needs {}, which this driver or NVRTC lacks", name));
  }

 private:
  void* handle_ = nullptr;
};

/// A LibTorch in an archive of its own has NVRTC under another name, which its own file knows.
const Library& compiler() {
  static const Library one({"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", "libcaffe2_nvrtc.so"});
  return one;
}

const Library& driver() {
  static const Library one({"libcuda.so.1"});
  return one;
}

void check(nvrtcResult result, const std::string& what) {
  if (result == NVRTC_SUCCESS) return;
  throw TrainingError(fmt::format(
      "{}: {}", what, compiler().at<decltype(&::nvrtcGetErrorString)>("nvrtcGetErrorString")(result)));
}

void check(CUresult result, const std::string& what) {
  if (result == CUDA_SUCCESS) return;
  const char* text = nullptr;
  driver().at<decltype(&::cuGetErrorString)>("cuGetErrorString")(result, &text);
  throw TrainingError(fmt::format("{}: {}", what, text ? text : "an unknown error"));
}

int number_of(c10::ScalarType type) {
  switch (type) {
    case c10::kBFloat16:
      return 1;
    case c10::kHalf:
      return 2;
    case c10::kFloat:
      return 3;
    case c10::kDouble:
      return 4;
    default:
      throw TrainingError(fmt::format("there is no kernel for {}", c10::toString(type)));
  }
}

/// "sm_90" where the compiler knows this GPU; else, for the driver to translate, the newest that it knows.
std::string architecture(const std::string& capability) {
  const auto& nvrtc = compiler();
  int count = 0;
  check(nvrtc.at<decltype(&::nvrtcGetNumSupportedArchs)>("nvrtcGetNumSupportedArchs")(&count), "NVRTC");
  std::vector<int> known(static_cast<std::size_t>(count));
  check(nvrtc.at<decltype(&::nvrtcGetSupportedArchs)>("nvrtcGetSupportedArchs")(known.data()), "NVRTC");
  int newest = 0;
  for (const int one : known) {
    if (std::to_string(one) == capability) return "sm_" + capability;
    if (one < std::stoi(capability)) newest = std::max(newest, one);
  }
  return fmt::format("compute_{}", newest);
}

std::string capability_of(c10::Device device) {
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index());
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index());
  return fmt::format("{}{}", major, minor);
}

/// Kept until the process ends, as LibTorch's own.
CUfunction function_of(const std::string& name, const std::string& text, const char* kernel,
                       c10::Device device, c10::ScalarType number) {
  static std::mutex mutex;
  static std::map<std::tuple<std::string, int, int>, CUmodule> modules;
  static std::map<std::tuple<std::string, int, int>, CUfunction> functions;
  const std::lock_guard lock(mutex);
  const int index = device.index(), type = number_of(number);
  auto& function = functions[{name + "/" + kernel, index, type}];
  if (function != nullptr) return function;
  auto& module = modules[{name, index, type}];
  if (module == nullptr) {
    const auto binary = compiled(name, text, number, capability_of(device));
    check(driver().at<decltype(&::cuModuleLoadData)>("cuModuleLoadData")(&module, binary.data()),
          fmt::format("loading the kernels {} into {}", name, device.str()));
  }
  check(driver().at<decltype(&::cuModuleGetFunction)>("cuModuleGetFunction")(&function, module, kernel),
        fmt::format("finding the kernel {}", kernel));
  return function;
}

}  // namespace

std::string compiled(const std::string& name, const std::string& text, c10::ScalarType number,
                     const std::string& capability) {
  const auto& nvrtc = compiler();
  const std::string source = std::string(device_text) + numbers_text + text;
  nvrtcProgram program = nullptr;
  check(nvrtc.at<decltype(&::nvrtcCreateProgram)>("nvrtcCreateProgram")(
            &program, source.c_str(), (name + ".cu").c_str(), 0, nullptr, nullptr),
        name);
  const auto arch = architecture(capability);
  const auto target = "--gpu-architecture=" + arch, define = fmt::format("-DNUMBER={}", number_of(number));
  const std::vector<const char*> options{target.c_str(), define.c_str(), "--std=c++17"};
  const auto result = nvrtc.at<decltype(&::nvrtcCompileProgram)>("nvrtcCompileProgram")(
      program, static_cast<int>(options.size()), options.data());
  if (result != NVRTC_SUCCESS) {
    std::size_t size = 0;
    nvrtc.at<decltype(&::nvrtcGetProgramLogSize)>("nvrtcGetProgramLogSize")(program, &size);
    std::string log(size, '\0');
    nvrtc.at<decltype(&::nvrtcGetProgramLog)>("nvrtcGetProgramLog")(program, log.data());
    check(result, fmt::format("compiling the kernels {} for {}: {}", name, arch, log.c_str()));
  }
  const bool finished = arch.starts_with("sm_");
  std::size_t size = 0;
  std::string binary;
  if (finished) {
    check(nvrtc.at<decltype(&::nvrtcGetCUBINSize)>("nvrtcGetCUBINSize")(program, &size), name);
    binary.resize(size);
    check(nvrtc.at<decltype(&::nvrtcGetCUBIN)>("nvrtcGetCUBIN")(program, binary.data()), name);
  } else {
    check(nvrtc.at<decltype(&::nvrtcGetPTXSize)>("nvrtcGetPTXSize")(program, &size), name);
    binary.resize(size);
    check(nvrtc.at<decltype(&::nvrtcGetPTX)>("nvrtcGetPTX")(program, binary.data()), name);
  }
  nvrtc.at<decltype(&::nvrtcDestroyProgram)>("nvrtcDestroyProgram")(&program);
  return binary;
}

void Program::launch(const char* kernel, c10::Device device, c10::ScalarType number, unsigned blocks,
                     unsigned threads, std::vector<void*> arguments) const {
  if (blocks == 0) return;
  // This thread may be autograd's: the driver then has no context for it yet.
  c10::cuda::SetDevice(device.index(), /*force=*/true);
  const auto function = function_of(name_, text_, kernel, device, number);
  const auto stream = c10::cuda::getCurrentCUDAStream(device.index());
  check(driver().at<decltype(&::cuLaunchKernel)>("cuLaunchKernel")(
            function, blocks, 1, 1, threads, 1, 1, 0, stream.stream(), arguments.data(), nullptr),
        fmt::format("the kernel {}", kernel));
}

}  // namespace ringtrain::kernels
