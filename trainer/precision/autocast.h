#pragma once

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

#include <optional>
#include <string>

namespace ringtrain {

/// The type of parameters, gradients, losses and optimizer state under `trainer.precision`: float64, else
/// float32, also where the forward pass runs in 16 bits.
c10::ScalarType parameter_type(const std::string& precision);

/// The type that matrix products and convolutions run in under `trainer.precision`: bfloat16 or float16; none
/// where everything is in the parameters' type.
std::optional<c10::ScalarType> autocast_type(const std::string& precision);

/// While it lives, LibTorch's autocast on this thread: operations that gain from it run in `type`, those that
/// need the range in float32, as torch.autocast does. Weights are cast once in its lifetime: it must not
/// outlive an optimizer step. Backward runs outside of it, in the types of the forward pass. Without a type
/// it does nothing.
class Autocast {
 public:
  Autocast(c10::DeviceType device, std::optional<c10::ScalarType> type);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  c10::DeviceType device_;
  bool active_;
  bool was_enabled_ = false;
  c10::ScalarType before_ = c10::ScalarType::Undefined;
};

}  // namespace ringtrain
