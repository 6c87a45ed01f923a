#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launch/acceptance/commands.h"

namespace ringtrain::acceptance {

/// One thing that is tried.
struct Part {
  std::string name;
  /// Does it and says in one line what came out; puts numbers into `details`. Throws Error where it failed.
  std::function<std::string(Commands&, nlohmann::json& details)> run;
};

/// In their order: machine, collectives, bandwidth, equivalence, resume, faults.
std::vector<Part> parts();

}  // namespace ringtrain::acceptance
