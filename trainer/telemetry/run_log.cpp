#include "trainer/telemetry/run_log.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

/// The lines of `file` that `keep` takes.
template <class Keep>
std::string kept_lines(const fs::path& file, Keep keep) {
  std::string kept;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (keep(line)) kept += line + "\n";
  return kept;
}

/// Of what is no file (a FIFO to another program) nothing can be taken back.
template <class Keep>
void cut(const fs::path& file, Keep keep) {
  if (!fs::exists(file) || fs::is_regular_file(file)) write_file_atomically(file, kept_lines(file, keep));
}

}  // namespace

RunLog::RunLog(const fs::path& folder, std::int64_t resume_step) {
  const fs::path jsonl = folder / "log.jsonl", csv = folder / "metrics.csv";
  if (resume_step == 0) {
    cut(jsonl, [](const std::string&) { return false; });
    cut(csv, [](const std::string&) { return false; });
  } else {
    cut(jsonl, [resume_step](const std::string& line) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      return json.is_object() && json.value("step", std::int64_t{0}) <= resume_step;
    });
    cut(csv, [resume_step](const std::string& line) {
      return std::strtoll(line.c_str(), nullptr, 10) <= resume_step;
    });
    csv_has_header_ = fs::is_regular_file(csv) && fs::file_size(csv) > 0;
  }
  jsonl_ = std::make_unique<AppendFile>(jsonl);
  csv_ = std::make_unique<AppendFile>(csv);
}

void RunLog::line(const nlohmann::ordered_json& json) { jsonl_->add(json.dump()); }

void RunLog::metrics_row(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  if (!csv_has_header_) {
    std::string header = "step";
    for (const auto& [name, value] : values) header += "," + name;
    csv_->add(header);
    csv_has_header_ = true;
  }
  std::string row = std::to_string(step);
  for (const auto& [name, value] : values) row += std::isfinite(value) ? fmt::format(",{}", value) : ",";
  csv_->add(row);
}

}  // namespace ringtrain
