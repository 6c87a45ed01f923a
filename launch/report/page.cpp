#include "launch/report/page.h"

#include <fmt/format.h>

#include "common/text.h"
#include "launch/report/frame.h"
#include "launch/report/html.h"
#include "launch/report/measures.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

ordered_json evaluations_json(const RunRecord& record) {
  auto list = ordered_json::array();
  for (const auto& one : record.evaluations) {
    if (one.part == "validation" && &one != record.chosen_validation()) continue;
    ordered_json json{{"step", one.step}, {"part", one.part}};
    for (const auto& [name, value] : one.values) json[name] = finite(value);
    list.push_back(std::move(json));
  }
  return list;
}

ordered_json data_json(const std::vector<RunView>& runs) {
  ordered_json json{{"runs", ordered_json::array()}};
  for (const auto& run : runs) {
    const auto& spent = run.record.spent;
    json["runs"].push_back({{"name", run.name},
                            {"folder", run.record.folder.string()},
                            {"state", run.record.state},
                            {"evaluations", evaluations_json(run.record)},
                            {"spent",
                             {{"whole", spent.whole},
                              {"loading", spent.loading},
                              {"computing", spent.computing()},
                              {"waiting", spent.waiting},
                              {"evaluating", spent.evaluating},
                              {"checkpoints", spent.checkpoints}}},
                            {"findings", run.findings}});
  }
  return json;
}

/// What cannot be shown of the answers, and why.
std::string problem(const RunView& run) {
  const auto text = run.findings.value("problem", std::string());
  return text.empty() ? ""
                      : section("answers", "The model's answers", "<p>Not shown: " + escaped(text) + ".</p>");
}

std::string parts_of_one(const RunView& run) {
  const std::string answers = ranking({run}) + decisions(run) + residuals(run);
  return (answers.empty() ? problem(run) : answers) + behaviour(run) + slices(run) + importance(run) +
         worst_rows(run) + data(run) + events(run) + environment(run) + configuration(run);
}

std::string title_of(const std::vector<RunView>& runs) {
  return runs.size() == 1 ? runs[0].name : fmt::format("{} runs", runs.size());
}

}  // namespace

const ordered_json* shown_part(const RunView& run) {
  const auto parts = run.findings.find("parts");
  if (parts == run.findings.end()) return nullptr;
  const auto found = parts->find(run.findings.value("shown", std::string()));
  return found == parts->end() ? nullptr : &*found;
}

std::string part_text(const RunView& run) {
  const auto* part = shown_part(run);
  if (!part) return "";
  const auto rows = part->value("rows", 0LL), whole = part->value("of_rows", 0LL);
  const auto name = run.findings.value("shown", std::string());
  return rows == whole ? fmt::format("{} part, {} rows", name, with_commas(rows))
                       : fmt::format("{} part, a sample of {} of its {} rows", name, with_commas(rows),
                                     with_commas(whole));
}

std::string page_of(const std::vector<RunView>& runs) {
  std::string body = overview(runs) + comparison(runs) + curves(runs) + time_spent(runs);
  body += runs.size() == 1 ? parts_of_one(runs[0]) : ranking(runs);
  return framed(title_of(runs), body, data_json(runs));
}

}  // namespace ringtrain::report
