#include "trainer/advice/plan_advice.h"

#include "trainer/advice/advice.h"

namespace ringtrain::advice {

std::vector<std::string> before_first_step(const RunConfig& config, const PreparedData& data,
                                           const Task& task, const StepPlan& plan) {
  std::vector<std::string> said;
  const auto say = [&said](const Sentence& sentence) {
    if (sentence) said.push_back(*sentence);
  };
  const auto& schema = data.preprocessing;
  const auto& trainer = config.trainer;
  if (config.task.kind().predicts_classes())
    say(looks_like_regression(schema.targets.at(0), schema.labels, data.train->size()));
  if (task.head().form == AnswerForm::labels)
    say(labels_of_none_or_all(schema.labels, data.class_counts, data.train->size()));
  say(many_one_hot(schema.categorical));
  const std::int64_t every = plan.evaluate_every;
  say(warm_up_too_long(trainer.schedule.warmup_steps, plan.total));
  say(trainer.average.kind().advice(plan.total));
  for (const auto& entry : trainer.callbacks.entries) say(entry.kind().advice(plan.total));
  say(frozen_throughout(trainer.optimizer.groups, plan.total));
  say(early_stopping_cannot_fire(trainer.early_stopping.patience, (plan.total + every - 1) / every,
                                 data.validation->size()));
  const bool counts = !schema.tokens;
  say(few_rows("validation", data.validation->size(), counts));
  say(few_rows("test", data.test->size(), counts));
  return said;
}

}  // namespace ringtrain::advice
