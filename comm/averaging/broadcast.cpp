#include "comm/averaging/broadcast.h"

#include <ATen/ATen.h>

namespace ringtrain {

void broadcast_tensors(const std::vector<FlatParameters::Other>& tensors, Communicator& communicator) {
  if (communicator.world_size() == 1) return;
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const auto device = communicator.device().value_or(tensor.device());
    at::Tensor moved = tensor.to(device).contiguous();
    // As bytes: communicators know some types only.
    communicator.broadcast(moved.flatten().view(at::kByte), 0).wait();
    if (!moved.is_alias_of(tensor)) tensor.copy_(moved);
  }
}

void broadcast_buffers(const torch::nn::Module& module, Communicator& communicator) {
  std::vector<FlatParameters::Other> buffers;
  for (const auto& item : module.named_buffers())
    if (item.value().defined()) buffers.push_back({item.key(), item.value()});
  broadcast_tensors(buffers, communicator);
}

}  // namespace ringtrain
