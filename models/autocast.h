#pragma once

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

#include <optional>

namespace ringtrain {

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

/// The type that autocast casts to on this thread; none where it is off.
std::optional<c10::ScalarType> autocast_here(c10::DeviceType device);

}  // namespace ringtrain
