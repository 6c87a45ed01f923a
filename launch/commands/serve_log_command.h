#pragma once

#include <CLI/CLI.hpp>

#include "launch/program.h"

namespace ringtrain {

/// `serve-log`: what the request log of a server holds.
void add_serve_log_command(CLI::App& app, Program& program);

}  // namespace ringtrain
