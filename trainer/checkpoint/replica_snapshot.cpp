#include "trainer/checkpoint/replica_snapshot.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>

#include "trainer/checkpoint/checkpoint_parts.h"

namespace ringtrain {

static void copy_into(at::Tensor& place, const at::Tensor& source) {
  if (!place.defined() || place.sizes() != source.sizes() || place.scalar_type() != source.scalar_type())
    place = at::empty_like(source, source.options().device(at::kCPU));
  place.copy_(source.detach());
}

void ReplicaSnapshot::take(const Replica& replica, const WholeState& state) {
  const torch::NoGradGuard no_grad;
  take_state(replica, state);
  const auto& groups = replica.parameters->groups();
  values_.resize(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) copy_into(values_[i], groups[i].values);
  for (const auto& item : replica.model->named_parameters()) {
    if (!item.value().requires_grad())
      copy_into(others_[item.key()], item.value());
    else
      others_.erase(item.key());  // it was frozen
  }
  for (const auto& item : replica.model->named_buffers()) copy_into(others_[item.key()], item.value());
  skipped_.clear();
  // A frozen parameter has sat out all steps: should it be trained from here on, it begins without a state.
  for (const auto& item : replica.model->named_parameters())
    if (!item.value().requires_grad() && replica.optimizer->steps() > 0)
      skipped_[state_name(kSkippedSteps, item.key())] =
          at::scalar_tensor(replica.optimizer->steps(), at::kLong);
  const auto& skipped = replica.optimizer->skipped();
  for (std::size_t e = 0; e < skipped.size(); ++e)
    if (skipped[e] > 0)
      skipped_[state_name(kSkippedSteps, replica.parameters->entries()[e].name)] =
          at::scalar_tensor(skipped[e], at::kLong);
}

void ReplicaSnapshot::take_state(const Replica& replica, const WholeState& state) {
  const torch::NoGradGuard no_grad;
  replica_ = &replica;
  for (const auto& [name, tensors] : state) {
    auto& copies = state_[name];
    copies.resize(tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) copy_into(copies[i], tensors[i]);
  }
}

void ReplicaSnapshot::name_tensors(Checkpoint& checkpoint) const {
  const FlatParameters& parameters = *replica_->parameters;
  for (std::size_t i = 0; i < values_.size(); ++i)
    for (const auto& [parameter, view] : parameters.views(values_[i], i))
      checkpoint.weights[parameter] = view;
  for (const auto& [name, tensor] : others_) checkpoint.weights[name] = tensor;
  for (const auto& [name, tensors] : state_)
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].numel() != parameters.groups()[i].values.numel()) {
        name_slice(name, i, tensors[i], checkpoint);
        continue;
      }
      for (const auto& [parameter, view] : parameters.views(tensors[i], i))
        checkpoint.optimizer[state_name(name, parameter)] = view;
    }
  for (const auto& [name, tensor] : skipped_) checkpoint.optimizer[name] = tensor;
}

void ReplicaSnapshot::name_slice(const std::string& name, std::size_t group, const at::Tensor& slice,
                                 Checkpoint& checkpoint) const {
  const std::int64_t from = replica_->optimizer->slices()[group].begin, to = from + slice.numel();
  for (const auto& entry : replica_->parameters->entries()) {
    const std::int64_t begin = std::max(from, entry.offset), end = std::min(to, entry.offset + entry.numel);
    if (entry.group != group || begin >= end) continue;
    checkpoint.optimizer[piece_name(state_name(name, entry.name), begin - entry.offset, end - entry.offset)] =
        slice.narrow(0, begin - from, end - begin);
  }
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
