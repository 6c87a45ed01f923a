#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/trainer.h"

namespace ringtrain {

/// What `train` and `submit` both take: which run, from where it goes on, and what is changed.
struct TrainingArguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string train_file, job_dir, checkpoint;
  std::vector<std::string> allow_changes;
  std::int64_t trace_steps = 0;
  bool resume = false, overwrite = false, no_export = false;

  void add_to(CLI::App& command);

  /// The overrides with the short forms spelled out.
  std::vector<std::string> all_overrides() const;
  /// Throws ConfigError for a --checkpoint that is no step.
  StartOptions start_options() const;
  /// The command line of one rank, without the program.
  std::vector<std::string> worker_arguments() const;
};

}  // namespace ringtrain
