#include "data/order/device_copies.h"

#include <ATen/ATen.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace ringtrain {

DeviceCopies::DeviceCopies(at::Device device) : device_(device) {
  if (!device.is_cpu()) stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

DeviceCopies::Ready DeviceCopies::start(Batch& batch) {
  if (!stream_) return nullptr;
  const c10::StreamGuard beside(*stream_);
  // The pinned originals are kept until the copies are done, by the allocator of pinned memory.
  const auto copy = [this](const at::Tensor& tensor) {
    if (!tensor.is_cpu()) return tensor;
    return tensor.pin_memory().to(device_, /*non_blocking=*/true);
  };
  batch.inputs = batch.inputs.map(copy);
  batch.targets = batch.targets.map(copy);
  if (batch.weights.defined()) batch.weights = copy(batch.weights);
  auto ready = std::make_shared<c10::Event>(device_.type());
  ready->record(*stream_);
  return ready;
}

void DeviceCopies::finish(const Batch& batch, const Ready& ready) const {
  if (!ready) return;
  const auto current = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
  ready->block(current);
  // Their memory belongs to the copying stream: it is not used again before this one is done with it.
  for (const auto* fields : {&batch.inputs, &batch.targets})
    for (const auto& [name, tensor] : *fields) tensor.record_stream(current);
  if (batch.weights.defined()) batch.weights.record_stream(current);
}

}  // namespace ringtrain
