#include "trainer/checkpoint/checkpoint_config.h"

namespace ringtrain {

using config::at_least;
using config::non_negative;

void CheckpointConfig::describe(config::Visitor& v) {
  v.field("every_steps", every_steps, "A checkpoint every so many steps. 0: one with each evaluation.",
          non_negative());
  v.field("keep", keep, "How many of the newest are kept; the best one is kept besides.", at_least(1));
  v.field("keep_every", keep_every, "Those whose step is a multiple of this are kept for good. 0: none.",
          non_negative());
  v.field("metric", metric,
          "The metric of the validation part by which the best checkpoint is chosen: loss, or one that the "
          "task has.");
  v.field("at_start", at_start, "Also one before the first step.");
}

}  // namespace ringtrain
