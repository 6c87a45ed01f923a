#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "models/network.h"

namespace ringtrain {

/// The model's answer, its matrix products and convolutions in `autocast` (trainer/precision/autocast.h). It
/// comes back in float32 then, in which losses and scores are computed, or `as_it_is`
/// (Task::takes_sixteen_bits).
at::Tensor forward(const Network& model, const Fields& inputs, std::optional<c10::ScalarType> autocast,
                   bool as_it_is = false);

}  // namespace ringtrain
