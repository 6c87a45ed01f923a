#include "trainer/checkpoint/replica_snapshot.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

namespace ringtrain {

static void copy_into(at::Tensor& place, const at::Tensor& source) {
  if (!place.defined() || place.sizes() != source.sizes() || place.scalar_type() != source.scalar_type())
    place = at::empty_like(source, source.options().device(at::kCPU));
  place.copy_(source.detach());
}

void ReplicaSnapshot::take(const Replica& replica, const WholeState& state) {
  const torch::NoGradGuard no_grad;
  parameters_ = replica.parameters.get();
  const auto& groups = parameters_->groups();
  values_.resize(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) copy_into(values_[i], groups[i].values);
  for (const auto& [name, tensors] : state) {
    auto& copies = state_[name];
    copies.resize(tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) copy_into(copies[i], tensors[i]);
  }
  for (const auto& item : replica.model->named_parameters())
    if (!item.value().requires_grad()) copy_into(others_[item.key()], item.value());
  for (const auto& item : replica.model->named_buffers()) copy_into(others_[item.key()], item.value());
  skipped_.clear();
  const auto& skipped = replica.optimizer->skipped();
  for (std::size_t e = 0; e < skipped.size(); ++e)
    if (skipped[e] > 0)
      skipped_[state_name(kSkippedSteps, parameters_->entries()[e].name)] =
          at::scalar_tensor(skipped[e], at::kLong);
}

void ReplicaSnapshot::name_tensors(Checkpoint& checkpoint) const {
  for (std::size_t i = 0; i < values_.size(); ++i)
    for (const auto& [parameter, view] : parameters_->views(values_[i], i))
      checkpoint.weights[parameter] = view;
  for (const auto& [name, tensor] : others_) checkpoint.weights[name] = tensor;
  for (const auto& [name, tensors] : state_)
    for (std::size_t i = 0; i < tensors.size(); ++i)
      for (const auto& [parameter, view] : parameters_->views(tensors[i], i))
        checkpoint.optimizer[state_name(name, parameter)] = view;
  for (const auto& [name, tensor] : skipped_) checkpoint.optimizer[name] = tensor;
}

std::uint64_t ReplicaSnapshot::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& tensor : values_) bytes += tensor.nbytes();
  for (const auto& [name, tensors] : state_)
    for (const auto& tensor : tensors) bytes += tensor.nbytes();
  for (const auto& [name, tensor] : others_) bytes += tensor.nbytes();
  return bytes;
}

}  // namespace ringtrain
