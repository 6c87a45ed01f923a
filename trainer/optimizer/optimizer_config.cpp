#include "trainer/optimizer/optimizer_config.h"

namespace ringtrain {

using config::at_least;
using config::fraction_below_one;
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

void OptimizerConfig::describe(config::Visitor& v) {
  const auto adam = [this](config::Visitor& inner) {
    inner.field("beta1", beta1, "Decay of the mean of gradients.", fraction_below_one());
    inner.field("beta2", beta2, "Decay of the mean of squared gradients.", fraction_below_one());
    inner.field("eps", eps, "Added to the denominator.", positive());
  };
  v.field("lr", lr, "Learning rate, before the schedule.", positive());
  v.field("weight_decay", weight_decay, "L2 term (sgd, adam) or decoupled decay (adamw).", non_negative());
  v.variants("type", type, "Update rule; each is one fused call on the flat parameters.",
             {{"sgd", "Stochastic gradient descent.",
               [this](config::Visitor& inner) {
                 inner.field("momentum", momentum, "Momentum; 0: none.", fraction_below_one());
                 inner.field("nesterov", nesterov, "Nesterov momentum.");
                 inner.require("nesterov", !nesterov || momentum > 0, "needs a momentum above 0");
               }},
              {"adam", "Adam (Kingma and Ba 2015).", adam},
              {"adamw", "AdamW (Loshchilov and Hutter 2019).", adam}});
  v.sections(
      "groups",
      "Parameters that are trained in a way of their own. Those that no group matches take the settings "
      "above. An example: `groups: [{match: ['*.bias', '*norm*'], weight_decay: 0}, {match: "
      "'embedding.*', freeze: true}]`.",
      groups);
}

void ScheduleConfig::describe(config::Visitor& v) {
  v.field("warmup_steps", warmup_steps, "The learning rate grows linearly from 0 over so many steps.",
          non_negative());
  v.variants("type", type, "How the learning rate changes after the warm-up.",
             {{"constant", "Stays.", [](config::Visitor&) {}},
              {"step", "Is multiplied by gamma every step_size steps.",
               [this](config::Visitor& inner) {
                 inner.field("step_size", step_size, "Steps between two changes.", at_least(1));
                 inner.field("gamma", gamma, "Factor of each change.", positive());
               }},
              {"cosine", "Falls to min_lr along half a cosine, until the last step.",
               [this](config::Visitor& inner) {
                 inner.field("min_lr", min_lr, "Learning rate at the end.", non_negative());
               }}});
}

}  // namespace ringtrain
