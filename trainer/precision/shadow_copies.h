#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "comm/averaging/flat_parameters.h"
#include "models/weight_shadow.h"

namespace ringtrain {

/// A copy of all parameters in 16 bits, in the layout of the flat ones: one cast for all of them.
class ShadowCopies {
 public:
  /// `parameters` outlives it. `type`: that of the copies.
  ShadowCopies(const FlatParameters& parameters, c10::ScalarType type);

  /// Casts the values that the parameters have now.
  void refresh();
  const WeightShadow& shadow() const { return shadow_; }

 private:
  const FlatParameters& parameters_;
  std::vector<at::Tensor> flats_;  // of each group
  WeightShadow shadow_;
};

}  // namespace ringtrain
