#include "launch/learn/audit.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <vector>

#include "common/errors.h"
#include "common/text.h"
#include "launch/jobs/text_table.h"
#include "launch/learn/learn_job.h"
#include "launch/learn/stream_journal.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

std::string shown_number(const ordered_json& value) {
  return value.is_null() ? "-" : fmt::format("{:.6f}", value.get<double>());
}

/// Adds the rows of a step to those of each source.
void add_rows(const ordered_json& step, ordered_json& learned) {
  for (const auto& range : step.at("rows")) {
    const bool goes_on = !learned.empty() && learned.back().at("source") == range.at("source") &&
                         learned.back().at("partition") == range.at("partition");
    if (!goes_on) {
      learned.push_back(range);
      continue;
    }
    learned.back()["last"] = range.at("last");
    learned.back()["rows"] =
        learned.back().at("rows").get<std::int64_t>() + range.at("rows").get<std::int64_t>();
  }
}

std::string shown_rows(const ordered_json& learned) {
  std::vector<std::string> parts;
  for (const auto& range : learned)
    parts.push_back(fmt::format("{} rows of {} from byte {} to the row at byte {}",
                                with_commas(range.at("rows").get<std::int64_t>()),
                                range.at("source").get<std::string>(), range.at("first").get<std::int64_t>(),
                                range.at("last").get<std::int64_t>()));
  constexpr std::size_t most = 6;
  const auto more = parts.size() > most ? parts.size() - most : 0;
  parts.resize(parts.size() - more);
  return join(parts, "\n    ") + (more > 0 ? fmt::format("\n    and {} files more", more) : "");
}

/// By the guard: how many rows, and the first one.
std::string quarantine_table(const fs::path& file) {
  struct Refused {
    std::int64_t rows = 0;
    std::string first;
  };
  std::map<std::string, Refused> by_guard;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto row = ordered_json::parse(line, nullptr, false);
    if (!row.is_object()) continue;  // torn by a kill
    auto& refused = by_guard[row.value("guard", "")];
    if (++refused.rows == 1)
      refused.first = fmt::format("{} at byte {}: {}", row.value("source", ""),
                                  row.value("offset", std::int64_t{0}), row.value("why", ""));
  }
  std::string text;
  for (const auto& [guard, refused] : by_guard)
    text += fmt::format("  {} rows by {}, the first {}\n", with_commas(refused.rows), guard, refused.first);
  return text.empty() ? "  none\n" : text;
}

}  // namespace

std::string audit_text(const std::string& job_folder) {
  const LearnFiles files{fs::path(job_folder)};
  if (!fs::exists(files.journal()))
    throw ConfigError(
        fmt::format("--audit {}: it is no job of `learn` (there is no journal.jsonl)", job_folder));
  const auto entries = StreamJournal::read(files.journal());
  if (entries.empty()) throw CheckpointError(fmt::format("{}: it has no entries", files.journal().string()));
  std::string text = fmt::format("Job {}: from {} on {}; {} entries, all verified\n", job_folder,
                                 entries.front().at("from").get<std::string>(),
                                 entries.front().at("stream").get<std::string>(),
                                 with_commas(static_cast<long long>(entries.size())));
  std::vector<std::vector<std::string>> table{{"step", "live", "learned", "version", "decision"}};
  auto learned = ordered_json::array();
  std::string made;
  for (const auto& entry : entries) {
    const auto kind = entry.value("kind", "");
    if (kind == "step") add_rows(entry, learned);
    if (kind == "reset")
      text += fmt::format("Step {}: the weights went back to the version it began with\n",
                          with_commas(entry.at("step").get<std::int64_t>()));
    if (kind != "decision") continue;
    const bool promoted = entry.at("promoted").get<bool>();
    const auto version = promoted ? std::to_string(entry.at("version").get<std::int64_t>()) : "-";
    table.push_back({with_commas(entry.at("step").get<std::int64_t>()), shown_number(entry.at("before")),
                     shown_number(entry.at("after")), version, entry.at("why").get<std::string>()});
    if (promoted)
      made += fmt::format("Version {} (step {}) learned from\n    {}\n", version,
                          with_commas(entry.at("step").get<std::int64_t>()), shown_rows(learned));
  }
  text += "\n" + text_table(table) + (made.empty() ? "" : "\n" + made);
  return text + fmt::format("\nIn quarantine ({}):\n{}", files.quarantine().string(),
                            quarantine_table(files.quarantine()));
}

}  // namespace ringtrain
