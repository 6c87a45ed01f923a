#pragma once

#include <string>
#include <utility>

#include "common/exit_code.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// What the subcommands know of the program that they are part of, and where they leave its exit code.
struct Program {
  explicit Program(Catalogue known, std::string called = "ringtrain")
      : catalogue(std::move(known)), name(std::move(called)) {}
  const Catalogue catalogue;  ///< the kinds that its configurations may name
  const std::string name;     ///< as it is called; for what a person is to type
  int exit_code = ExitCode::success;
};

}  // namespace ringtrain
