#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/config.h"
#include "common/kind_choice.h"
#include "trainer/optimizer/built_in_optimizers.h"
#include "trainer/optimizer/schedule_kind.h"

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

/// The `trainer.optimizer:` block.
struct OptimizerConfig {
  explicit OptimizerConfig(const KindChoice<OptimizerKind>::Kinds& known = built_in_optimizers());

  double lr = 1e-3;
  double weight_decay = 0;
  KindChoice<OptimizerKind> rule;
  std::vector<ParameterGroupConfig> groups = {};
  void describe(config::Visitor& v);
};

/// The `trainer.schedule:` block.
struct ScheduleConfig {
  explicit ScheduleConfig(const KindChoice<ScheduleKind>::Kinds& known = built_in_schedules());

  std::int64_t warmup_steps = 0;
  KindChoice<ScheduleKind> shape;
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
