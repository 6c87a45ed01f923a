#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

#include "comm/device_graph.h"

namespace ringtrain::nccl {

/// Makes a stream of its own the calling thread's current one on `device`. Recording needs it: the default
/// stream cannot be recorded, and gradients are accumulated on the stream on which their hooks were made.
void use_own_stream(c10::Device device);

/// Records `work` on the current stream, with all that it starts on other streams between: the NCCL calls of
/// the averager. Memory that it allocates stays with the graph.
std::unique_ptr<DeviceGraph> record_cuda_graph(c10::Device device, const std::function<void()>& work);

}  // namespace ringtrain::nccl
