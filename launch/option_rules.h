#pragma once

#include <CLI/CLI.hpp>

namespace ringtrain {

/// What holds for every option of every subcommand: a value that is given is not empty (`--token-file
/// "$TOKENS"` without that variable is no choice), and a whole number is decimal digits: CLI11 alone would
/// read 010 as 8, and what is too large as the largest one. Hidden options are left alone. Call it when all
/// subcommands are there.
void add_option_rules(CLI::App& app);

}  // namespace ringtrain
