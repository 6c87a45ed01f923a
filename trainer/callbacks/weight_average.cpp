#include "trainer/callbacks/weight_average.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "common/errors.h"

namespace ringtrain {

void WeightAverage::begin(const Moment& moment, const nlohmann::json& state, const NamedTensors& tensors) {
  const at::NoGradGuard no_gradient;
  replica_ = &moment.replica;
  const FlatParameters& parameters = *moment.replica.parameters;
  other_.clear();
  for (const auto& group : parameters.groups()) other_.push_back(group.values.clone());
  updates_ = 0;
  restored_ = !state.is_null();
  if (!restored_) return;
  if (!state.is_object() || !state.value("updates", nlohmann::json()).is_number_integer())
    throw CheckpointError("the checkpoint's state.json: callbacks.average has no whole number 'updates'");
  updates_ = state["updates"];
  // A parameter that was frozen has no average: its value is all there was.
  for (std::size_t g = 0; g < other_.size(); ++g)
    for (const auto& [name, view] : parameters.views(other_[g], g)) {
      const auto found = tensors.find(name);
      if (found == tensors.end()) continue;
      if (found->second.sizes() != view.sizes())
        throw CheckpointError(
            fmt::format("the checkpoint's 'average/{}' has another shape than the model's", name));
      view.copy_(found->second);
    }
}

void WeightAverage::share(const Moment& moment) {
  if (!restored_) return;
  for (const auto& tensor : other_) moment.gradients.broadcast(tensor, 0).wait();
  exchange(moment.replica);  // it was loaded with the average
}

void WeightAverage::show(const Moment& moment) {
  if (has_average()) exchange(moment.replica);
}

void WeightAverage::hide(const Moment& moment) {
  if (has_average()) exchange(moment.replica);
}

nlohmann::json WeightAverage::state() const {
  return has_average() ? nlohmann::json{{"updates", updates_}} : nlohmann::json();
}

NamedTensors WeightAverage::tensors() const {
  NamedTensors named;
  if (!has_average()) return named;
  for (std::size_t g = 0; g < other_.size(); ++g)
    for (const auto& [name, view] : replica_->parameters->views(other_[g], g))
      named[name] = view.to(at::kCPU, view.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  return named;
}

void WeightAverage::exchange(Replica& replica) {
  const at::NoGradGuard no_gradient;
  for (std::size_t g = 0; g < other_.size(); ++g) {
    const auto& values = replica.parameters->groups()[g].values;
    const auto before = values.clone();
    values.copy_(other_[g]);
    other_[g].copy_(before);
  }
}

void WeightAverage::add(Replica& replica, double weight) {
  const at::NoGradGuard no_gradient;
  ++updates_;
  for (std::size_t g = 0; g < other_.size(); ++g)
    other_[g].lerp_(replica.parameters->groups()[g].values, weight);
}

}  // namespace ringtrain
