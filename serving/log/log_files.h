#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "serving/log/utc_time.h"

/// Where a log's files are: FOLDER/MODEL/requests/VERSION/NAME.parquet has the rows that a version answered,
/// FOLDER/MODEL/feedback/NAME.parquet what came to be known of them. A file is whole or absent; a name begins
/// with the time of its first row, so that names sort by time.
namespace ringtrain::log_files {

struct LogFile {
  std::filesystem::path path;
  std::string model;
  std::int64_t version = 0;  ///< 0: feedback
  std::uintmax_t bytes = 0;
  UtcTime written;
};

/// All files of a log, by their paths. Throws DataError where there is no such folder.
std::vector<LogFile> list(const std::filesystem::path& folder);

/// Writes a file of the log, durably. `version`: 0 for feedback. Throws Error with the system's reason.
void put(const std::filesystem::path& folder, const std::string& model, std::int64_t version, UtcTime first,
         std::string_view bytes);

/// Removes files of the log that were written before `keep_since`, and then the oldest ones, until they take
/// `most_bytes` together at most. Returns how many.
std::size_t remove_old(const std::filesystem::path& folder, UtcTime keep_since, std::uintmax_t most_bytes);

/// What stands in a file besides its rows, as text (Parquet's key-value metadata).
using Notes = std::map<std::string, std::string>;
inline constexpr const char* kFirst = "ringtrain.first";      ///< time of the first row, utc_text
inline constexpr const char* kLast = "ringtrain.last";        ///< of the last one
inline constexpr const char* kDropped = "ringtrain.dropped";  ///< rows that were not written before these
inline constexpr const char* kTarget = "ringtrain.target";    ///< the column that the model predicts

}  // namespace ringtrain::log_files
