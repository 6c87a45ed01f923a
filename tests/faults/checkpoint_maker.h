#pragma once

#include <torch/types.h>

#include "trainer/checkpoint/checkpoint_store.h"

namespace ringtrain::faults {

/// A small checkpoint all of whose content follows from its step.
inline Checkpoint checkpoint_of(std::int64_t step) {
  Checkpoint checkpoint;
  checkpoint.step = step;
  checkpoint.weights["layer.weight"] = torch::full({8, 5}, static_cast<double>(step));
  checkpoint.weights["layer.bias"] = torch::arange(5, torch::kFloat) + step;
  checkpoint.optimizer["exp_avg/layer.weight"] = torch::full({8, 5}, -static_cast<double>(step));
  checkpoint.progress = {{"best", 0.5}, {"step", step}};
  checkpoint.preprocessing = {{"target", "y"}};
  checkpoint.config = "name: x\n";
  return checkpoint;
}

/// Whether it is the one of its step, whole.
inline bool is_whole(const Checkpoint& found) {
  const Checkpoint wanted = checkpoint_of(found.step);
  const auto equal = [](const NamedTensors& a, const NamedTensors& b) {
    if (a.size() != b.size()) return false;
    for (const auto& [name, tensor] : a)
      if (!b.contains(name) || !at::equal(tensor, b.at(name))) return false;
    return true;
  };
  return equal(found.weights, wanted.weights) && equal(found.optimizer, wanted.optimizer) &&
         found.progress == wanted.progress && found.preprocessing == wanted.preprocessing &&
         found.config == wanted.config;
}

}  // namespace ringtrain::faults
