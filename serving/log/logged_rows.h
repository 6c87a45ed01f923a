#pragma once

#include <filesystem>
#include <vector>

#include "serving/log/log_export.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// Whether a folder is a request log: it has MODEL/requests/.
bool is_request_log(const std::filesystem::path& folder);

/// The rows of a log that a version of a model answered, in the order of its files, with the truth where
/// feedback told it: a temporary Parquet file, gone with the object.
class LoggedRows {
 public:
  /// Throws DataError where the log has no such rows.
  LoggedRows(const std::filesystem::path& log, const Manifest& manifest);
  ~LoggedRows();
  LoggedRows(const LoggedRows&) = delete;
  LoggedRows& operator=(const LoggedRows&) = delete;

  std::filesystem::path file() const { return folder_ / "rows.parquet"; }
  /// [rows, width of the head]: the probabilities or values that were answered.
  std::vector<double> answers() const;

 private:
  std::filesystem::path folder_;
  const Manifest& manifest_;
};

}  // namespace ringtrain
