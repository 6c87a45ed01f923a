#pragma once

#include <string>

#include "trainer/callbacks/callback.h"
#include "trainer/standing.h"
#include "trainer/step_plan.h"

namespace ringtrain {

/// Ends training after the plan's `patience` evaluations without a better value of `metric`. They are counted
/// by the run's Standing, which checkpoints keep.
class EarlyStopping : public Callback {
 public:
  /// Both outlive it.
  EarlyStopping(const StepPlan& plan, const Standing& standing, std::string metric);
  std::string name() const override { return "early_stopping"; }
  std::string ends_training() const override;

 private:
  const StepPlan& plan_;
  const Standing& standing_;
  std::string metric_;
};

}  // namespace ringtrain
