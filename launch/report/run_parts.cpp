#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "launch/report/html.h"
#include "launch/report/page.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

std::string text_of(const ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// "2026-01-05 12:00:03" of "2026-01-05T12:00:03.412Z".
std::string readable(std::string time) {
  if (time.size() < 19) return time;
  time.resize(19);
  time[10] = ' ';
  return time;
}

}  // namespace

std::string events(const RunView& run) {
  constexpr std::size_t most = 300;
  const auto& all = run.record.events;
  HtmlTable table{{"time (UTC)", "step", "", ""}, {}, kAllTexts};
  for (std::size_t i = 0; i < std::min(most, all.size()); ++i)
    table.rows.push_back({escaped(readable(all[i].time)), all[i].step < 0 ? "" : with_commas(all[i].step),
                          fmt::format("<span class=\"kind {0}\">{0}</span>", all[i].kind),
                          excerpt_of(all[i].text, 1000)});
  auto html = table.rows.empty() ? "" : table.text();
  if (all.size() > most)
    html += remark(fmt::format("{} more in log.jsonl and logs/.",
                               with_commas(static_cast<long long>(all.size() - most))));
  if (run.record.torn_lines > 0)
    html += remark(
        fmt::format("{} of log.jsonl {} torn and passed over.",
                    run.record.torn_lines == 1 ? "1 line" : with_commas(run.record.torn_lines) + " lines",
                    run.record.torn_lines == 1 ? "is" : "are"));
  return section("events", "What happened", html);
}

std::string environment(const RunView& run) {
  HtmlTable table{{}, {}, kAllTexts};
  table.rows.push_back({"folder", escaped(run.record.folder.string())});
  if (!run.record.starts.empty()) {
    const auto& start = run.record.starts.back();
    for (const auto& [key, name] : {std::pair{"ranks", "ranks"},
                                    {"host", "host of rank 0"},
                                    {"device", "device of rank 0"},
                                    {"backend", "communication"},
                                    {"parameters", "parameters of the model"},
                                    {"total_steps", "steps, planned"},
                                    {"batches_per_epoch", "batches an epoch"}})
      if (const auto found = start.find(key); found != start.end())
        table.rows.push_back({name, found->is_number() ? shown(*found) : escaped(text_of(*found))});
  }
  if (run.findings.contains("model"))
    table.rows.push_back(
        {"exported", fmt::format("{}, version {}, of step {}", escaped(text_of(run.findings["model"])),
                                 shown(run.findings["version"]), shown(run.findings["step"]))});
  if (run.findings.contains("libraries") && run.findings["libraries"].is_object())
    for (const auto& [name, version] : run.findings["libraries"].items())
      table.rows.push_back({escaped(name), escaped(text_of(version))});
  return section("environment", "Environment", table.text());
}

std::string configuration(const RunView& run) {
  if (run.record.settings.empty()) return "";
  std::string text;
  for (const auto& [path, value] : run.record.settings) text += fmt::format("{}: {}\n", path, value);
  return section("configuration", "Configuration",
                 fmt::format("<details><summary>{} settings, as resolved</summary><pre>{}</pre></details>",
                             run.record.settings.size(), escaped(text)));
}

}  // namespace ringtrain::report
