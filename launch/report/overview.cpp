#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "common/text.h"
#include "launch/report/html.h"
#include "launch/report/page.h"

namespace ringtrain::report {
namespace {

std::string tile(const std::string& name, const std::string& value) {
  return fmt::format("<div><small>{}</small><b>{}</b></div>", name, value);
}

std::string metric_tiles(const PartValues& part) {
  std::string text;
  for (const auto& [name, value] : part.values)
    if (name != "train_loss") text += tile(escaped(name), shown(value));
  return "<div class=\"tiles\">" + text + "</div>";
}

std::string threshold_text(const RunView& run) {
  const auto& found = run.findings;
  if (!found.contains("thresholds") || !found.contains("labels") || found["thresholds"].size() != 1)
    return "";
  const auto& labels = found["labels"];
  if (found.value("form", std::string()) != "one_class" || labels.empty()) return "";
  return fmt::format("; class “{}” from a probability of {} on", escaped(labels.back().get<std::string>()),
                     shown(found["thresholds"][0]));
}

std::string warning_list(const std::vector<std::string>& warnings) {
  constexpr std::size_t most = 12;
  if (warnings.empty()) return "";
  std::string text;
  for (std::size_t i = 0; i < std::min(most, warnings.size()); ++i)
    text += "<li>" + excerpt_of(warnings[i], 600) + "</li>";
  if (warnings.size() > most) text += fmt::format("<li>{} more, below</li>", warnings.size() - most);
  return "<ul class=\"warn\">" + text + "</ul>";
}

std::string of_one(const RunView& run) {
  const auto& record = run.record;
  std::string text =
      fmt::format("<p>{}; {} steps; {}, {}, {}.</p>", escaped(record.state), with_commas(record.last_step),
                  escaped(record.setting("task.type")), escaped(record.setting("model.type")),
                  escaped(record.setting("data.train_file")));
  const auto* test = record.last_of("test");
  const auto* validation = record.chosen_validation();
  if (test)
    text += fmt::format("<h3>Test part, step {}{}</h3>", with_commas(test->step), threshold_text(run)) +
            metric_tiles(*test);
  if (validation && !validation->values.empty())
    text += fmt::format("<h3>Validation part, step {}</h3>", with_commas(validation->step)) +
            metric_tiles(*validation);
  if (!test && !validation) text += "<p>Nothing has been evaluated yet.</p>";
  return text + warning_list(record.warnings());
}

/// Metrics of any run, in the order in which they come.
std::vector<std::string> metric_names_of(const std::vector<RunView>& runs, const std::string& part) {
  std::vector<std::string> names;
  for (const auto& run : runs)
    if (const auto* values = part == "test" ? run.record.last_of("test") : run.record.chosen_validation())
      for (const auto& [name, value] : values->values)
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

std::string value_of(const PartValues* part, const std::string& metric) {
  if (part)
    for (const auto& [name, value] : part->values)
      if (name == metric) return shown(value);
  return "–";
}

std::string metrics_table(const std::vector<RunView>& runs) {
  std::string text;
  for (const std::string part : {"test", "validation"}) {
    const auto names = metric_names_of(runs, part);
    if (names.empty()) continue;
    HtmlTable table{{"run", "step"}};
    for (const auto& name : names) table.head.push_back(escaped(name));
    for (const auto& run : runs) {
      const auto* values = part == "test" ? run.record.last_of("test") : run.record.chosen_validation();
      std::vector<std::string> row{escaped(run.name), values ? with_commas(values->step) : "–"};
      for (const auto& name : names) row.push_back(value_of(values, name));
      table.rows.push_back(std::move(row));
    }
    text += fmt::format("<h3>{} part</h3>", part == "test" ? "Test" : "Validation") + table.text();
  }
  return text;
}

std::string differences(const std::vector<RunView>& runs) {
  std::vector<std::string> paths;
  for (const auto& run : runs)
    for (const auto& [path, value] : run.record.settings)
      if (path != "job_dir" && path != "name" && path != "export.name" &&
          std::find(paths.begin(), paths.end(), path) == paths.end())
        paths.push_back(path);
  HtmlTable table{{"setting"}, {}, kAllTexts};
  for (const auto& run : runs) table.head.push_back(escaped(run.name));
  for (const auto& path : paths) {
    std::set<std::string> values;
    std::vector<std::string> row{escaped(path)};
    for (const auto& run : runs) {
      values.insert(run.record.setting(path));
      row.push_back(excerpt_of(run.record.setting(path), 80));
    }
    if (values.size() > 1) table.rows.push_back(std::move(row));
  }
  return table.rows.empty() ? "<p>Their settings are the same.</p>" : table.text();
}

}  // namespace

std::string overview(const std::vector<RunView>& runs) {
  if (runs.size() == 1) return section("overview", "Overview", of_one(runs[0]));
  HtmlTable table{{"run", "state", "steps", "training", "folder"}, {}, kAllTexts};
  for (const auto& run : runs) {
    const auto& spent = run.record.spent;
    table.rows.push_back({escaped(run.name), escaped(run.record.state), with_commas(run.record.last_step),
                          spent.whole > 0 ? human_seconds(spent.whole) : "–",
                          escaped(run.record.folder.string())});
  }
  return section("overview", "Overview", table.text() + metrics_table(runs));
}

std::string comparison(const std::vector<RunView>& runs) {
  return runs.size() < 2 ? "" : section("differences", "Settings that differ", differences(runs));
}

}  // namespace ringtrain::report
