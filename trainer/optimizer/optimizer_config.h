#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain {

/// One of `trainer.optimizer.groups`: parameters that are trained in a way of their own.
struct ParameterGroupConfig {
  std::vector<std::string> match;
  double weight_decay = kOfOptimizer;
  double lr_scale = 1;
  bool freeze = false;
  std::int64_t freeze_until = 0;
  void describe(config::Visitor& v);
  bool frozen_at(std::int64_t step) const { return freeze || step < freeze_until; }

  static constexpr double kOfOptimizer = -1;  ///< the optimizer's own
};

struct OptimizerConfig {
  std::string type = "adamw";
  double lr = 1e-3;
  double weight_decay = 0;
  double momentum = 0;
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  std::vector<ParameterGroupConfig> groups = {};
  void describe(config::Visitor& v);
};

struct ScheduleConfig {
  std::string type = "constant";
  std::int64_t warmup_steps = 0;
  std::int64_t step_size = 1000;
  double gamma = 0.1;
  double min_lr = 0;
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
