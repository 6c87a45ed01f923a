#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain {

/// One course of the learning rate with its options: the `trainer.schedule:` block of a configuration with
/// this `type`.
class ScheduleKind {
 public:
  virtual ~ScheduleKind() = default;
  /// A copy with options of its own.
  virtual std::shared_ptr<ScheduleKind> clone() const = 0;
  virtual std::string name() const = 0;
  virtual std::string doc() const = 0;
  virtual void describe(config::Visitor& v) = 0;

  /// The learning rate, where trainer.optimizer.lr is `base`. `after`: steps since the warm-up, from 0;
  /// `span`: how many the run has, at least 1. A pure function: resuming needs no state.
  virtual double rate(double base, std::int64_t after, std::int64_t span) const = 0;
};

/// The built-in kinds, each with default options.
std::vector<std::shared_ptr<ScheduleKind>> built_in_schedules();

}  // namespace ringtrain
