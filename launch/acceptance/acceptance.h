#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ringtrain::acceptance {

/// What `ringtrain doctor --acceptance` was asked for.
struct Options {
  int ranks = 2;
  std::vector<std::string> rank_words;  ///< how a command starts them: {"--ranks", "2"}
  std::filesystem::path job_dir;        ///< a folder that all hosts see; what is made there goes at the end
  std::filesystem::path output;         ///< the report
  bool share_gpus = false, quick = false;
};

/// Runs all parts, each with a limit of time, says on the standard output how it goes, and keeps the report
/// up to date after each part. Returns whether all passed. Throws ConfigError, Error where the report cannot
/// be written.
bool run(const Options& options);

}  // namespace ringtrain::acceptance
