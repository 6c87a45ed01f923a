#pragma once

#include <CLI/CLI.hpp>

#include "launch/program.h"

/// The subcommands that look at rows before a model is blamed; as commands.h.
namespace ringtrain {

void add_drift_command(CLI::App& app, Program& program);
void add_schema_command(CLI::App& app, Program& program);

}  // namespace ringtrain
