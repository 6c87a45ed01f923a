#pragma once

#include <cstdint>
#include <vector>

#include "common/config.h"
#include "common/kind_choice.h"
#include "trainer/callbacks/built_in_averages.h"

namespace ringtrain {

struct EarlyStoppingConfig {
  std::int64_t patience = 0;
  double min_delta = 0;
  void describe(config::Visitor& v);
};

/// The `trainer.average:` block (trainer/callbacks/weight_average.h).
struct AverageConfig : KindChoice<CallbackKind> {
  AverageConfig()
      : KindChoice("trainer.average",
                   "An average of the weights over steps that is evaluated, kept in checkpoints and exported "
                   "in their place.",
                   "none", built_in_averages()) {}
};

/// An entry of `trainer.callbacks`. Its `type` has no default.
struct CallbackConfig : KindChoice<CallbackKind> {
  explicit CallbackConfig(const Kinds& known) : KindChoice("trainer.callbacks", "What it is.", "", known) {}
  void describe(config::Visitor& v);
};

/// The `trainer.callbacks:` list.
struct CallbackList {
  KindChoice<CallbackKind>::Kinds known;  ///< what an entry may be
  std::vector<CallbackConfig> entries;
  /// The field `callbacks`.
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
