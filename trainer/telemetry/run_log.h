#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "trainer/telemetry/append_file.h"

namespace ringtrain {

/// The two logs of a job folder that programs read: log.jsonl (one JSON object a line: steps and events) and
/// metrics.csv (a row per evaluation). Rank 0 owns one.
class RunLog {
 public:
  /// Appends to what a run up to `resume_step` wrote (later lines, of steps that are done again, are
  /// dropped), or begins anew with `resume_step` 0. Throws Error when the files cannot be written.
  RunLog(const std::filesystem::path& folder, std::int64_t resume_step);

  /// Numbers are written so that reading them gives the same double.
  void line(const nlohmann::ordered_json& json);
  /// All rows have the same columns; the first gives the header.
  void metrics_row(std::int64_t step, const std::vector<std::pair<std::string, double>>& values);

 private:
  std::unique_ptr<AppendFile> jsonl_, csv_;
  bool csv_has_header_ = false;
};

}  // namespace ringtrain
