#pragma once

#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain {

/// One of `model.weights.rename`.
struct RenameConfig {
  std::string match, to;
  void describe(config::Visitor& v);
  /// Puts what the star of `match` stands for in place of that of `to`. Returns whether `name` matched.
  bool apply(std::string& name) const;
};

/// The `model.weights:` block: what a run begins with in place of random weights.
struct WeightsConfig {
  std::string from;  ///< a file or a folder; empty: random weights
  bool strict = true;
  std::vector<std::string> ignore;
  std::vector<RenameConfig> rename;
  bool optimizer = false;
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
