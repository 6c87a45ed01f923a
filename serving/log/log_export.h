#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "serving/log/utc_time.h"

namespace ringtrain {

/// Which rows of a log are wanted, and how they are joined with feedback.
struct LogExport {
  std::filesystem::path folder;
  std::string model;                    ///< "": the only one
  std::optional<std::int64_t> version;  ///< none: all
  std::optional<UtcTime> from, to;      ///< the time of the request: from on, before
  bool labelled_only = false;
  std::chrono::hours feedback_limit{24 *
                                    30};  ///< feedback of a later time than this after the request is late
};

/// What was joined. Of feedback each is counted once, in the last five.
struct LogExportCounts {
  std::int64_t rows = 0, labelled = 0;  ///< that are exported
  std::int64_t joined = 0;              ///< feedback that gave a row its label
  std::int64_t replaced = 0;            ///< came before other feedback to the same row, which counts
  std::int64_t early = 0, late = 0;     ///< its time is before the request, or too long after it
  std::int64_t unknown = 0;             ///< no row that was kept has the request or the key
};

/// The rows of a log as a file, Parquet or CSV by its name: the columns of parquet_of_requests,
/// request.version, and the label, with feedback.time behind it. The label's column is called as the column
/// that the model predicts, so that the file can be evaluated and learned from; `label` where that is not
/// one. By request_id feedback belongs to that row of each request with the id; by key to the last row with
/// the key that was asked at its time or before. Of several pieces of feedback to a row the one that was
/// received last counts. Throws DataError where nothing fits, and Error when the file cannot be written.
LogExportCounts export_log(const LogExport& wanted, const std::filesystem::path& output);

}  // namespace ringtrain
