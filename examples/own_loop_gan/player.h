// One of the networks with what trains it: flat parameters, an averager over the ranks, an optimizer.
#pragma once

#include <torch/optim/adam.h>

#include <memory>
#include <string>

#include "networks.h"
#include "ringtrain/comm/averaging/gradient_averager.h"
#include "ringtrain/trainer/checkpoint/safetensors.h"

namespace gan {

class Player {
 public:
  /// All ranks start from rank 0's weights. Collective.
  Player(std::shared_ptr<Headed> network, ringtrain::Communicator& communicator)
      : network_(std::move(network)),
        flat_(*network_),
        averager_(flat_, communicator),
        optimizer_(network_->parameters(), torch::optim::AdamOptions(0.01).betas({0.5, 0.9})) {}

  at::Tensor forward(const at::Tensor& inputs, std::int64_t shape) {
    return network_->forward(inputs, shape);
  }

  /// One step on a *sum* of losses, those of `samples` of this rank's; it may have none. Returns the mean
  /// over all ranks. Collective.
  double learn(const at::Tensor& loss_sum, std::int64_t samples) {
    flat_.zero_gradients();
    if (samples > 0) loss_sum.backward();  // full buckets are reduced while it goes on
    const auto totals =
        averager_.finish({.weight = static_cast<double>(samples), .loss_sum = loss_sum.item<double>()});
    for (const auto& group : flat_.groups()) group.gradients.div_(totals.weight);
    averager_.drop_unused_gradients();  // Adam would move a head that nobody used, by its momentum
    optimizer_.step();
    return totals.loss_sum / totals.weight;
  }

  /// While the other network learns through this one, it needs no gradients, and is not to count as used.
  void freeze(bool frozen) {
    for (auto& parameter : network_->parameters()) parameter.set_requires_grad(!frozen);
  }

  /// The weights by name; a checkpoint keeps them.
  ringtrain::NamedTensors weights() const {
    ringtrain::NamedTensors weights;
    for (const auto& parameter : network_->named_parameters())
      weights[parameter.key()] = parameter.value().detach().clone();
    return weights;
  }
  /// And Adam's state; of a head that was never used there is none.
  ringtrain::NamedTensors state() {
    ringtrain::NamedTensors state;
    for (const auto& parameter : network_->named_parameters()) {
      const auto found = optimizer_.state().find(parameter.value().unsafeGetTensorImpl());
      if (found == optimizer_.state().end()) continue;
      const auto& adam = static_cast<const torch::optim::AdamParamState&>(*found->second);
      state["exp_avg/" + parameter.key()] = adam.exp_avg().clone();
      state["exp_avg_sq/" + parameter.key()] = adam.exp_avg_sq().clone();
      state["step/" + parameter.key()] = at::scalar_tensor(adam.step(), at::kLong);
    }
    return state;
  }
  /// The way back, on every rank.
  void take_state(const ringtrain::NamedTensors& state) {
    for (const auto& parameter : network_->named_parameters()) {
      const auto found = state.find("step/" + parameter.key());
      if (found == state.end()) continue;
      auto adam = std::make_unique<torch::optim::AdamParamState>();
      adam->step(found->second.item<std::int64_t>());
      adam->exp_avg(state.at("exp_avg/" + parameter.key()));
      adam->exp_avg_sq(state.at("exp_avg_sq/" + parameter.key()));
      optimizer_.state()[parameter.value().unsafeGetTensorImpl()] = std::move(adam);
    }
  }

 private:
  std::shared_ptr<Headed> network_;
  ringtrain::FlatParameters flat_;
  ringtrain::GradientAverager averager_;
  torch::optim::Adam optimizer_;
};

}  // namespace gan
