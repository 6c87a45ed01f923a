#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "launch/report/plot.h"

namespace ringtrain::report {

/// An evaluation of a part of the data, as log.jsonl tells it.
struct PartValues {
  std::int64_t step = 0;
  std::string part;  ///< "validation" or "test"
  bool best = false;
  std::vector<std::pair<std::string, double>> values{};  ///< metrics, in their order; NaN: undefined
};

/// Something that happened: a start, a restart, a warning, a note.
struct RunEvent {
  std::string time;  ///< UTC, as the log has it; "" where it is not known
  std::int64_t step = 0;
  std::string kind;  ///< start, restart, warning, error, note, checkpoint
  std::string text;
};

/// Where the seconds of the training loop went, on rank 0. Of logs that do not tell it all are 0.
struct SpentTime {
  double whole = 0, loading = 0, waiting = 0, evaluating = 0, checkpoints = 0;
  double computing() const;
};

/// What a job folder tells of its run without asking the model. Of a folder of an earlier version of
/// ringtrain it has what was written then.
struct RunRecord {
  std::filesystem::path folder;
  std::string name;
  std::string state;  ///< in words: "ended", "running", "stopped by a signal …", "killed"
  std::vector<std::pair<std::string, std::string>> settings;  ///< of config.yaml: path, value
  std::map<std::string, Points> steps;  ///< loss, learning_rate, samples_per_second, … by step
  std::vector<PartValues> evaluations;
  std::vector<RunEvent> events;
  std::vector<nlohmann::ordered_json> starts;
  nlohmann::json head;  ///< Head (data/schema/head.h) that the test part was judged by; null: not told
  SpentTime spent;
  std::int64_t last_step = 0, torn_lines = 0;
  bool ended = false;  ///< its test part was measured after its last step

  /// Reads the folder. Throws ConfigError that says what a job folder holds, where it is none.
  static RunRecord read(const std::filesystem::path& folder);

  std::string setting(const std::string& path) const;
  /// The last evaluation of a part; none: null.
  const PartValues* last_of(const std::string& part) const;
  /// The validation part's at the step that was measured on the test part, else the best one.
  const PartValues* chosen_validation() const;
  std::vector<std::string> warnings() const;
};

}  // namespace ringtrain::report
