#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "serving/log/utc_time.h"

namespace ringtrain {

/// What a log holds of one version of a model.
struct LogSummary {
  std::string model;
  std::int64_t version = 0;  ///< 0: feedback to the model
  std::int64_t rows = 0;     ///< or pieces of feedback
  std::int64_t files = 0;
  std::int64_t dropped = 0;  ///< rows that were not written, as the files say
  std::uintmax_t bytes = 0;
  std::string first, last;  ///< utc_text
};

/// By model and version, from the files' ends alone. Throws DataError where there is no such folder, or a
/// file is damaged.
std::vector<LogSummary> summarize_log(const std::filesystem::path& folder);

}  // namespace ringtrain
