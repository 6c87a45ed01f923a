#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launch/jobs/journal.h"
#include "launch/jobs/side_by_side.h"
#include "trainer/checkpoint/job_lock.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// What the commands of many trainings take: which run, what is changed, how many at once.
struct ManyOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string train_file, job_dir;
  std::optional<int> ranks, jobs;
  bool overwrite = false;

  void add_to(CLI::App& command);
  /// The overrides with the short forms spelled out, but for the folder.
  std::vector<std::string> all_overrides() const;
  int ranks_of_each() const { return ranks.value_or(1); }
  int jobs_for(const RunConfig& run) const { return jobs.value_or(jobs_of_machine(run, ranks_of_each())); }
  /// The folder of all: --job-dir, else that of the run with `ending` behind it.
  std::filesystem::path folder(const RunConfig& run, const char* ending) const;
  /// A training in `folder`, with these overrides behind all others.
  Training training(std::string name, std::filesystem::path folder,
                    const std::vector<std::string>& more_overrides) const;
};

/// The folder of several trainings, while a command has it: no other one writes there.
class ManyFolder {
 public:
  /// `about`: as of Journal; the configuration, the content of the data and the ranks are added to it.
  /// Removes what an earlier command left where `options.overwrite`. Throws ConfigError as Journal;
  /// JobTakenError; ConfigError in a process that is a rank.
  ManyFolder(std::filesystem::path folder, const ManyOptions& options, const RunConfig& run,
             nlohmann::ordered_json about);
  const std::filesystem::path& path() const { return folder_; }
  Journal& journal() { return *journal_; }

 private:
  std::filesystem::path folder_;
  std::optional<JobLock> lock_;
  std::optional<Journal> journal_;
};

}  // namespace ringtrain
