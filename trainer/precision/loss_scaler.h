#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace ringtrain {

/// Dynamic loss scaling for float16 (Micikevicius et al. 2018) by the rules of PyTorch's GradScaler: the loss
/// is multiplied by `scale` before backward, so that small gradients do not become zero in 16 bits. A step
/// whose reduced gradient is not finite is left out and the scale halved; after 2,000 good steps in a row it
/// doubles. Every rank decides by the reduced gradient, so the scales stay equal.
class LossScaler {
 public:
  static constexpr double kInitial = 65536, kGrowth = 2, kBackoff = 0.5;
  static constexpr std::int64_t kInterval = 2000;

  /// A power of two, at least 1.
  double scale() const { return scale_; }
  /// After each step: whether its gradient was finite. Throws TrainingError when the scale would fall below
  /// 1: then it is not the scale that makes gradients overflow.
  void update(bool finite);

  nlohmann::json to_json() const;
  /// Throws CheckpointError for anything but what `to_json` gave.
  static LossScaler from_json(const nlohmann::json& json);

 private:
  double scale_ = kInitial;
  std::int64_t good_steps_ = 0;  ///< since the scale changed last
};

}  // namespace ringtrain
