#pragma once

#include <CLI/CLI.hpp>

#include "launch/commands/commands.h"

namespace ringtrain {

/// Adds to `ringtrain versions` what tries a version beside the live one: `shadow` and `canary`, and, without
/// a verb, how far it is.
void add_rollout_verbs(CLI::App& versions, Program& program);

}  // namespace ringtrain
