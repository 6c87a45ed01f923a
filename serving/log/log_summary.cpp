#include "serving/log/log_summary.h"

#include <algorithm>
#include <map>

#include "serving/log/parquet_text.h"

namespace ringtrain {

std::vector<LogSummary> summarize_log(const std::filesystem::path& folder) {
  std::map<std::pair<std::string, std::int64_t>, LogSummary> found;
  for (const auto& file : log_files::list(folder)) {
    auto& summary = found[{file.model, file.version}];
    auto [rows, notes] = read_parquet_summary(file.path);
    const auto first = notes[log_files::kFirst], last = notes[log_files::kLast];
    summary.model = file.model;
    summary.version = file.version;
    summary.rows += rows;
    ++summary.files;
    summary.bytes += file.bytes;
    if (const auto dropped = notes[log_files::kDropped]; !dropped.empty())
      summary.dropped += std::strtoll(dropped.c_str(), nullptr, 10);
    if (summary.first.empty() || first < summary.first) summary.first = first;
    summary.last = std::max(summary.last, last);
  }
  std::vector<LogSummary> list;
  for (auto& [place, summary] : found) list.push_back(std::move(summary));
  return list;
}

}  // namespace ringtrain
