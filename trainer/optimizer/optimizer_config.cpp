#include "trainer/optimizer/optimizer_config.h"

namespace ringtrain {

using config::at_least;
using config::non_negative;
using config::positive;

void ParameterGroupConfig::describe(config::Visitor& v) {
  v.field("match", match,
          "Names of parameters, as checkpoints have them; `*` stands for any characters: `*.bias`, "
          "`backbone.*`. A parameter belongs to the first group that matches it; a pattern that matches none "
          "is an error.");
  v.field("weight_decay", weight_decay, "Of these parameters. -1: trainer.optimizer.weight_decay.",
          at_least(kOfOptimizer));
  v.field("lr_scale", lr_scale, "Their learning rate is the schedule's, times this.", positive());
  v.field("freeze", freeze,
          "They are not trained, and cost no gradient, no averaging and no optimizer state.");
  v.field("freeze_until", freeze_until,
          "They are frozen for so many steps, then trained, with a fresh optimizer state.", non_negative());
  v.require("match", !match.empty(), "missing: expected a list of patterns, such as ['*.bias', '*norm*']");
  v.require("weight_decay", weight_decay >= 0 || weight_decay == kOfOptimizer,
            "expected a number from 0 on, or -1");
  v.require("freeze", !freeze || (weight_decay == kOfOptimizer && lr_scale == 1 && freeze_until == 0),
            "true: then weight_decay, lr_scale and freeze_until have no effect; leave them out");
}

OptimizerConfig::OptimizerConfig(const KindChoice<OptimizerKind>::Kinds& known)
    : rule("trainer.optimizer", "Update rule; each is one fused call on the flat parameters.", "adamw",
           known) {}

void OptimizerConfig::describe(config::Visitor& v) {
  v.field("lr", lr, "Learning rate, before the schedule.", positive());
  v.field("weight_decay", weight_decay, "L2 term (sgd, adam) or decoupled decay (adamw).", non_negative());
  rule.describe(v);
  v.sections(
      "groups",
      "Parameters that are trained in a way of their own. Those that no group matches take the settings "
      "above. An example: `groups: [{match: ['*.bias', '*norm*'], weight_decay: 0}, {match: "
      "'embedding.*', freeze: true}]`.",
      groups);
}

ScheduleConfig::ScheduleConfig(const KindChoice<ScheduleKind>::Kinds& known)
    : shape("trainer.schedule", "How the learning rate changes after the warm-up.", "constant", known) {}

void ScheduleConfig::describe(config::Visitor& v) {
  v.field("warmup_steps", warmup_steps, "The learning rate grows linearly from 0 over so many steps.",
          non_negative());
  shape.describe(v);
}

}  // namespace ringtrain
