#include "trainer/callbacks/callbacks_config.h"

#include <fmt/format.h>

#include <string>

namespace ringtrain {

using config::non_negative;

void EarlyStoppingConfig::describe(config::Visitor& v) {
  v.field("patience", patience,
          "Stops after so many evaluations without a better trainer.checkpoint.metric. 0: never.",
          non_negative());
  v.field("min_delta", min_delta, "What counts as better: a change of more than this.", non_negative());
}

void CallbackConfig::describe(config::Visitor& v) {
  if (!kinds.empty()) return KindChoice::describe(v);
  v.field("type", type, "What it is: the name of a kind that a plugin or an own program brings.");
  v.require("type", false,
            fmt::format("{}; callbacks are brought by plugins or own programs",
                        type.empty() ? "missing" : fmt::format("there is no callback '{}'", type)));
}

void CallbackList::describe(config::Visitor& v) {
  v.sections("callbacks",
             "What else is done beside training, in this order: `callbacks: [{type: NAME, ...}]`. None is "
             "built in: plugins and own programs bring them.",
             entries, [this] { return CallbackConfig(known); });
}

}  // namespace ringtrain
