#include "comm/nccl/cuda_graph.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <fmt/format.h>

#include <string>

#include "common/errors.h"

namespace ringtrain::nccl {
namespace {

class CudaGraph : public DeviceGraph {
 public:
  CudaGraph(c10::Device device, const std::function<void()>& work) : device_(device) {
    const c10::cuda::CUDAGuard guard(device_);
    c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
    // The graph keeps memory of its own: what the plain steps have left goes back first.
    c10::cuda::CUDACachingAllocator::emptyCache();
    // Relaxed: backward and NCCL start their part from threads of their own.
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeRelaxed);
    try {
      work();
    } catch (...) {
      end_quietly();
      throw;
    }
    try {
      graph_.capture_end();
    } catch (const std::exception& error) {
      const std::string text = error.what();  // of LibTorch: the reason, then a stack of calls
      throw CommError(fmt::format("the GPU cannot record it: {}", text.substr(0, text.find('\n'))));
    }
  }

  void replay() override {
    const c10::cuda::CUDAGuard guard(device_);
    graph_.replay();
  }

 private:
  // The stream leaves its recording in any case; what it says of a broken one adds nothing to the first
  // error.
  void end_quietly() noexcept {
    try {
      graph_.capture_end();
    } catch (...) {
    }
  }

  c10::Device device_;
  at::cuda::CUDAGraph graph_;
};

}  // namespace

void use_own_stream(c10::Device device) {
  c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
}

std::unique_ptr<DeviceGraph> record_cuda_graph(c10::Device device, const std::function<void()>& work) {
  return std::make_unique<CudaGraph>(device, work);
}

}  // namespace ringtrain::nccl
