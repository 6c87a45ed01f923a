#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "launch/acceptance/acceptance.h"
#include "trainer/checkpoint/safetensors.h"

namespace ringtrain::acceptance {

/// Commands of this program, as a user would type them, and what they left.
class Commands {
 public:
  explicit Commands(const Options& options, std::filesystem::path folder);

  /// Runs `ringtrain WORDS` and keeps its output; after `limit` it is killed. Returns the exit code. Throws
  /// Error after the limit.
  int run(const std::vector<std::string>& words, std::chrono::seconds limit);
  /// The same, an Error where it ends with another code than 0.
  void must_run(const std::vector<std::string>& words, std::chrono::seconds limit);
  /// The answer of ranks that run `part` (rank_checks.h).
  std::string ask_ranks(const std::string& part, std::chrono::seconds limit);

  /// `train` of a small network on made up rows, into the folder `name`; `ranks` 1: one process alone.
  std::vector<std::string> training(const std::string& name, bool one_rank,
                                    const std::vector<std::string>& settings) const;

  std::filesystem::path job(const std::string& name) const { return folder_ / name; }
  /// By step, of log.jsonl.
  std::vector<double> losses(const std::string& name) const;
  /// The files of the last checkpoint, by name.
  std::map<std::string, std::string> last_checkpoint(const std::string& name) const;
  NamedTensors last_weights(const std::string& name) const;

  /// What the commands since the last call wrote.
  std::string take_output() { return std::exchange(output_, {}); }
  const Options& options() const { return options_; }

 private:
  const Options& options_;
  std::filesystem::path folder_;
  std::string output_;
};

}  // namespace ringtrain::acceptance
