#include <fmt/format.h>

#include "common/text.h"
#include "trainer/advice/plan_advice.h"
#include "trainer/checks/built_in_checks.h"
#include "trainer/step_plan.h"

namespace ringtrain::checks {
namespace {

class SettingsCheck : public Check {
 public:
  std::string name() const override { return "settings"; }
  std::string doc() const override {
    return "Settings without effect, parts that are too small, a target of another kind.";
  }
  bool is_cheap() const override { return true; }

  Finding run(Subject& subject) const override {
    const auto& config = subject.config();
    const auto batch = config.trainer.global_batch_size;
    const auto batches = (subject.data().train->size() + batch - 1) / batch;
    const auto plan = StepPlan::of(config.trainer, batches);
    const auto said = advice::before_first_step(config, subject.data(), subject.task(), plan);
    if (said.empty())
      return good(name(), fmt::format("{} steps, {} an epoch, batches of {}", with_commas(plan.total),
                                      with_commas(batches), with_commas(batch)));
    return warning(name(), join(said, ". "), "change what is named; each training says it too");
  }
};

}  // namespace

std::unique_ptr<Check> settings_check() { return std::make_unique<SettingsCheck>(); }

}  // namespace ringtrain::checks
