#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>

#include "models/autocast.h"

namespace ringtrain {

/// The type of parameters, gradients, losses and optimizer state under `trainer.precision`: float64, else
/// float32, also where the forward pass runs in 16 bits.
c10::ScalarType parameter_type(const std::string& precision);

/// The type that matrix products and convolutions run in under `trainer.precision`: bfloat16 or float16; none
/// where everything is in the parameters' type.
std::optional<c10::ScalarType> autocast_type(const std::string& precision);

}  // namespace ringtrain
