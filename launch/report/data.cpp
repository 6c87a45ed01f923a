#include <fmt/format.h>

#include <cmath>

#include "common/text.h"
#include "launch/report/html.h"
#include "launch/report/page.h"
#include "launch/report/plot.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

std::string text(const ordered_json& value) { return value.is_string() ? value.get<std::string>() : ""; }
double number(const ordered_json& value) { return value.is_number() ? value.get<double>() : NAN; }

/// A cell for each of the three parts.
std::string three(const ordered_json& values) {
  std::string cells;
  for (const auto& value : values) cells += (cells.empty() ? "" : " · ") + shown(value);
  return cells;
}

std::string missing(const ordered_json& counts, const ordered_json& rows) {
  double lost = 0, whole = 0;
  for (std::size_t i = 0; i < counts.size() && i < rows.size(); ++i) {
    lost += number(counts[i]);
    whole += number(rows[i]);
  }
  return lost == 0
             ? "0"
             : fmt::format("{} <small>({})</small>", three(counts), percent(whole > 0 ? lost / whole : NAN));
}

HtmlTable numeric_table(const ordered_json& columns, const ordered_json& rows, const char* head) {
  HtmlTable table{{head, "missing", "least", "mean", "most", "deviation"}};
  for (const auto& one : columns)
    table.rows.push_back({excerpt_of(text(one["name"]), 60), missing(one["missing"], rows), three(one["low"]),
                          three(one["mean"]), three(one["high"]), three(one["deviation"])});
  return table;
}

std::string target_text(const ordered_json& target, const ordered_json& rows) {
  if (target.contains("numbers")) return numeric_table(target["numbers"], rows, "target").text();
  if (!target.contains("classes")) return "";
  HtmlTable table{{"class", "train", "validation", "test", "share of train"}};
  for (const auto& one : target["classes"]) {
    table.rows.push_back({excerpt_of(text(one["name"]), 60)});
    for (const auto& count : one["rows"]) table.rows.back().push_back(shown(count));
    table.rows.back().push_back(percent(number(one["rows"][0]) / number(rows[0])));
    if (table.rows.size() == 100) break;
  }
  auto html = table.text();
  if (target["classes"].size() > 100)
    html += remark(fmt::format("{} more classes.", target["classes"].size() - 100));
  return html;
}

std::string categorical_table(const ordered_json& columns, const ordered_json& rows) {
  HtmlTable table{
      {"column of words", "missing", "different words", "unseen in training", "most frequent in training"}};
  for (const auto& one : columns)
    table.rows.push_back({excerpt_of(text(one["name"]), 60), missing(one["missing"], rows),
                          three(one["different"]), three(one["unseen"]),
                          one.contains("most")
                              ? fmt::format("{} <small>({} rows)</small>", excerpt_of(text(one["most"]), 40),
                                            shown(one["most_rows"]))
                              : "–"});
  return table.rows.empty() ? "" : table.text();
}

/// What the log tells of the rows where the data were not read again.
std::string rows_of_log(const RunView& run) {
  if (run.record.starts.empty()) return "";
  const auto& start = run.record.starts.back();
  const auto found = start.find("rows");
  if (found == start.end() || !found->is_object()) return "";
  HtmlTable table{{"", "train", "validation", "test"}, {{"samples"}}};
  for (const char* part : {"train", "validation", "test"})
    table.rows[0].push_back(shown(found->value(part, ordered_json())));
  return table.text();
}

}  // namespace

std::string data(const RunView& run) {
  const auto found = run.findings.find("data");
  if (found == run.findings.end() || !found->is_object()) return section("data", "Data", rows_of_log(run));
  const auto& profile = *found;
  HtmlTable counts{{"", "train", "validation", "test"}, {{"rows"}}};
  for (const auto& rows : profile["rows"]) counts.rows[0].push_back(shown(rows));
  std::string html = counts.text();
  if (number(profile["dropped"]) > 0)
    html += remark(fmt::format("{} rows without a target are left out.", shown(profile["dropped"])));
  html += "<h3>Target</h3>" + target_text(profile["target"], profile["rows"]) + "<h3>Columns</h3>" +
          remark("Three numbers in a cell are of the parts: train · validation · test.") +
          categorical_table(profile["categorical"], profile["rows"]);
  if (!profile["numeric"].empty())
    html += numeric_table(profile["numeric"], profile["rows"], "column").text();
  if (const double more = number(profile["more_columns"]); more > 0)
    html += remark(fmt::format("{} more columns.", shown(more)));
  return section("data", "Data", html);
}

std::string slices(const RunView& run) {
  const auto found = run.findings.find("slices");
  if (found == run.findings.end() || !found->is_object() || (*found)["slices"].empty()) return "";
  const bool right = (*found)["all"].contains("right");
  HtmlTable table{{"column", "value", "rows", "mean loss"}, {}, 2};
  if (right) table.head.emplace_back("right");
  table.head.emplace_back("from all rows");
  const auto add = [&](std::vector<std::string> row, const ordered_json& one) {
    row.push_back(shown(one["rows"]));
    row.push_back(shown(one["loss"]));
    if (right) row.push_back(percent(number(one["right"])));
    row.push_back(one.contains("distance") && one["distance"].is_number()
                      ? fmt::format("{:+.1f}", number(one["distance"]))
                      : "");
    table.rows.push_back(std::move(row));
  };
  add({"<i>all rows</i>", ""}, (*found)["all"]);
  for (const auto& one : (*found)["slices"])
    add({excerpt_of(text(one["column"]), 40),
         text(one["value"]).empty() ? "<i>missing</i>" : excerpt_of(text(one["value"]), 40)},
        one);
  const auto groups = number((*found)["groups"]);
  const auto shown_groups = static_cast<double>((*found)["slices"].size());
  return section(
      "slices", "Groups of rows",
      table.text() +
          remark(fmt::format(
              "By the values of {} columns; the last number is the distance of the mean loss "
              "from that of all rows, in standard errors: the worst groups first. {}{} groups of less than "
              "10 rows are left out.",
              shown((*found)["columns"]),
              groups > shown_groups
                  ? fmt::format("Of {} groups the 30 worst and the 10 best. ", shown(groups))
                  : "",
              shown((*found)["small"]))),
      part_text(run));
}

std::string importance(const RunView& run) {
  const auto found = run.findings.find("importance");
  if (found == run.findings.end() || !found->is_object()) return "";
  constexpr std::size_t most = 30;
  std::vector<Bar> list;
  for (const auto& one : (*found)["columns"]) {
    if (list.size() == most) break;
    list.push_back({text(one["column"]), number(one["rise"]),
                    fmt::format("{} <small>± {}</small>", shown(one["rise"]), shown(one["deviation"]))});
  }
  std::string html = bars("Rise of the mean loss", list);
  if (const auto left = number((*found)["left_out"]); left > 0)
    html += remark(
        list.empty() ? fmt::format("Not asked of {} columns: that would take too long.", shown(left))
                     : fmt::format("{} columns were left out for want of time; `ringtrain report` asks them.",
                                   shown(left)));
  if (!list.empty())
    html +=
        remark(fmt::format("By how much the mean loss of {} rows ({} at first) rises where the values of one "
                           "column are exchanged among the "
                           "rows (permutation importance, {} time{}). Columns that say the same share it.{}",
                           shown((*found)["rows"]), shown((*found)["loss"]), shown((*found)["shuffles"]),
                           number((*found)["shuffles"]) == 1 ? "" : "s",
                           (*found)["columns"].size() > most
                               ? fmt::format(" The first {} of {} columns.", most, (*found)["columns"].size())
                               : ""));
  return section("importance", "What the model looks at", html,
                 run.findings.value("shown", std::string()) + " part");
}

std::string worst_rows(const RunView& run) {
  const auto found = run.findings.find("worst");
  if (found == run.findings.end() || !found->is_object() || (*found)["rows"].empty()) return "";
  const bool scores = (*found)["rows"][0].contains("score");
  HtmlTable table{{"row", "target", "answer", "loss"}, {}, 3};
  if (scores) table.head.emplace_back("its probability");
  for (const auto& column : (*found)["columns"]) table.head.push_back(excerpt_of(text(column), 30));
  for (const auto& one : (*found)["rows"]) {
    std::vector<std::string> row{shown(one["row"]), excerpt_of(text(one["target"]), 40),
                                 excerpt_of(text(one["answer"]), 40), shown(one["loss"])};
    if (scores) row.push_back(shown(one["score"]));
    for (const auto& value : one["values"]) row.push_back(excerpt_of(text(value), 40));
    table.rows.push_back(std::move(row));
  }
  std::string note =
      fmt::format("Rows of {}, counted from 1 after its header.", escaped(text((*shown_part(run))["file"])));
  if (const double more = number((*found)["more_columns"]); more > 0)
    note += fmt::format(" {} more columns are not shown.", shown(more));
  return section("worst", "The rows with the largest losses", table.text() + remark(note), part_text(run));
}

}  // namespace ringtrain::report
