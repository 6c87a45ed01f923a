#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "models/model.h"

namespace ringtrain {

/// The model's answer, its matrix products and convolutions in `autocast` (trainer/precision/autocast.h). It
/// comes back in float32 then: losses and scores are computed in it.
at::Tensor forward(Model& model, const at::Tensor& inputs, std::optional<c10::ScalarType> autocast);

}  // namespace ringtrain
