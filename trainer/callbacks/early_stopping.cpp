#include "trainer/callbacks/early_stopping.h"

#include <fmt/format.h>

#include <utility>

namespace ringtrain {

EarlyStopping::EarlyStopping(const StepPlan& plan, const Standing& standing, std::string metric)
    : plan_(plan), standing_(standing), metric_(std::move(metric)) {}

std::string EarlyStopping::ends_training() const {
  if (plan_.patience == 0 || standing_.evaluations_since_best < plan_.patience) return "";
  return fmt::format("early stopping: no better validation {} in the last {} evaluations", metric_,
                     plan_.patience);
}

}  // namespace ringtrain
