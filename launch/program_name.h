#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ringtrain {

/// The name under which a program was called: the file of `argv[0]`; "ringtrain" where there is none.
std::string program_name(int argc, const char* const* argv);

/// Examples that are to be typed name this program, not ringtrain, in the help of every subcommand. Call it
/// when all subcommands are there.
void name_in_examples(CLI::App& app, const std::string& program);

}  // namespace ringtrain
