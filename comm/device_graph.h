#pragma once

#include <functional>
#include <memory>

namespace ringtrain {

/// Work of a device that was recorded once and is done again as a whole: one launch in place of one for each
/// operation. A CUDA graph, on a GPU.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  /// Starts the work, behind what the current stream holds; does not wait for it.
  virtual void replay() = 0;
};

/// Records what a function starts on the device, which does none of it yet. Throws what the function throws,
/// and CommError when the device cannot record it.
using GraphRecorder = std::function<std::unique_ptr<DeviceGraph>(const std::function<void()>& work)>;

}  // namespace ringtrain
