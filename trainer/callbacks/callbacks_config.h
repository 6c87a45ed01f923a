#pragma once

#include <cstdint>
#include <string>

#include "common/config.h"

namespace ringtrain {

struct EarlyStoppingConfig {
  std::int64_t patience = 0;
  double min_delta = 0;
  void describe(config::Visitor& v);
};

/// The `trainer.average:` block (trainer/callbacks/weight_average.h).
struct WeightAverageConfig {
  std::string type = "none";  ///< none | ema | swa
  double decay = 0.999;
  bool warm_up = true;
  std::int64_t start_step = 1, every_steps = 1;
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
