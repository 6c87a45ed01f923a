#include "trainer/callbacks/callbacks_config.h"

namespace ringtrain {

using config::at_least;
using config::fraction_below_one;
using config::non_negative;

void EarlyStoppingConfig::describe(config::Visitor& v) {
  v.field("patience", patience,
          "Stops after so many evaluations without a better trainer.checkpoint.metric. 0: never.",
          non_negative());
  v.field("min_delta", min_delta, "What counts as better: a change of more than this.", non_negative());
}

void WeightAverageConfig::describe(config::Visitor& v) {
  v.variants(
      "type", type,
      "An average of the weights over steps that is evaluated, kept in checkpoints and exported in "
      "their place.",
      {{"none", "The weights themselves.", [](config::Visitor&) {}},
       {"ema", "Exponential moving average: average = decay * average + (1 - decay) * weights, each step.",
        [this](config::Visitor& inner) {
          inner.field("decay", decay, "What is left of the average in a step.", fraction_below_one());
          inner.field("warm_up", warm_up,
                      "In step t the decay is (1 + t) / (10 + t) at most, so that the initial weights "
                      "are soon forgotten.");
        }},
       {"swa", "The mean of the weights after each of some steps (stochastic weight averaging).",
        [this](config::Visitor& inner) {
          inner.field("start_step", start_step,
                      "The first step after which weights are taken; before, the weights themselves are "
                      "evaluated.",
                      at_least(1));
          inner.field("every_steps", every_steps, "And then every so many steps.", at_least(1));
        }}});
}

}  // namespace ringtrain
