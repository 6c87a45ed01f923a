#include "comm/averaging/broadcast.h"

#include <ATen/ATen.h>

namespace ringtrain {
namespace {

/// As bytes: communicators know some types only. `tensor`: without gaps, where the communicator wants it.
void send(const at::Tensor& tensor, Communicator& communicator) {
  communicator.broadcast(tensor.flatten().view(at::kByte), 0).wait();
}

/// What is stored of an expanded tensor, which repeats it.
at::Tensor stored(at::Tensor tensor) {
  for (std::int64_t d = 0; d < tensor.dim(); ++d)
    if (tensor.stride(d) == 0 && tensor.size(d) > 1) tensor = tensor.narrow(d, 0, 1);
  return tensor;
}

void broadcast_dense(const at::Tensor& tensor, const at::Device& device, Communicator& communicator) {
  const at::Tensor place = stored(tensor);
  const at::Tensor moved = place.to(device).contiguous();
  send(moved, communicator);
  if (!moved.is_alias_of(place)) place.copy_(moved);
}

/// Ranks may have as many elements as they like.
void broadcast_sparse(const at::Tensor& tensor, const at::Device& device, Communicator& communicator) {
  const at::Tensor mine = tensor.coalesce();
  const at::Tensor count = at::full({1}, mine._nnz(), at::TensorOptions(at::kLong).device(device));
  send(count, communicator);
  const auto elements = count.item<std::int64_t>();
  const auto like = [&](const at::Tensor& part, std::int64_t dim) {
    if (communicator.rank() == 0) return part.to(device).contiguous();
    auto sizes = part.sizes().vec();
    sizes[static_cast<std::size_t>(dim)] = elements;
    return at::empty(sizes, part.options().device(device));
  };
  const at::Tensor indices = like(mine.indices(), 1), values = like(mine.values(), 0);
  send(indices, communicator);
  send(values, communicator);
  tensor.copy_(at::sparse_coo_tensor(indices, values, tensor.sizes()).to(tensor.device()));
}

}  // namespace

void broadcast_tensors(const std::vector<FlatParameters::Other>& tensors, Communicator& communicator) {
  if (communicator.world_size() == 1) return;
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const auto device = communicator.device().value_or(tensor.device());
    if (tensor.layout() == at::kStrided)
      broadcast_dense(tensor, device, communicator);
    else if (tensor.layout() == at::kSparse)
      broadcast_sparse(tensor, device, communicator);
  }
}

void broadcast_buffers(const torch::nn::Module& module, Communicator& communicator) {
  std::vector<FlatParameters::Other> buffers;
  for (const auto& item : module.named_buffers())
    if (item.value().defined()) buffers.push_back({item.key(), item.value()});
  broadcast_tensors(buffers, communicator);
}

}  // namespace ringtrain
