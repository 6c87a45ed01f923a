#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "serving/repository/manifest.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/checkpoint/job_lock.h"
#include "trainer/run_config.h"
#include "trainer/setup/stop_signal.h"

namespace ringtrain {

/// What `ringtrain learn` is told.
struct LearnOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string from;    ///< the version that learning begins with: BASE/NAME@live, BASE/NAME/3
  std::string stream;  ///< a folder, a file, or "-"
  bool follow = false, resume = false, overwrite = false;
};

/// The files of a job folder that belong to learning.
struct LearnFiles {
  std::filesystem::path folder;
  std::filesystem::path journal() const { return folder / "journal.jsonl"; }
  std::filesystem::path quarantine() const { return folder / "quarantine.jsonl"; }
  std::filesystem::path freeze() const { return folder / "freeze"; }
};

/// The configuration of a job of learning; what has no meaning on a stream is set aside, with a line of the
/// log. The same on every rank. Throws ConfigError.
RunConfig load_learn_config(const LearnOptions& options, const Catalogue& catalogue);

/// A job's folder, what it begins with, and what it goes on from: rank 0's.
class LearnJob {
 public:
  /// Takes the folder's lock and reads what is there; nothing of an earlier job is changed yet. Throws
  /// ConfigError, CheckpointError, ExportError, JobTakenError.
  LearnJob(const LearnOptions& options, const RunConfig& config, const StopSignal& signal);
  /// From here on the folder is this job's.
  void claim(const LearnOptions& options, const RunConfig& config);

  const LearnFiles& files() const { return files_; }
  const CheckpointStore& store() const { return store_; }
  const JobLock& lock() const { return *lock_; }
  const std::filesystem::path& version() const { return version_; }  ///< the anchor's folder
  std::filesystem::path model() const { return version_.parent_path(); }
  const Manifest& manifest() const { return manifest_; }
  const Checkpoint& anchor() const { return anchor_; }
  const Checkpoint* resumed() const { return resumed_ ? &*resumed_ : nullptr; }
  /// What the first line of the journal says.
  const nlohmann::ordered_json& about() const { return about_; }
  /// A word that no other job has, nor an earlier one of this folder.
  std::string began() const { return about_.at("began").get<std::string>(); }

 private:
  void find_anchor(const LearnOptions& options, const RunConfig& config);

  LearnFiles files_;
  std::unique_ptr<JobLock> lock_;
  CheckpointStore store_;
  std::filesystem::path version_;
  Manifest manifest_;
  Checkpoint anchor_;
  std::optional<Checkpoint> resumed_;
  nlohmann::ordered_json about_;
};

}  // namespace ringtrain
