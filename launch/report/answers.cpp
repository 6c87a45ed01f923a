#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "launch/report/html.h"
#include "launch/report/page.h"
#include "launch/report/plot.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostClasses = 20;

double number(const ordered_json& value) { return value.is_number() ? value.get<double>() : NAN; }
std::string text(const ordered_json& value) { return value.is_string() ? value.get<std::string>() : ""; }

Points points_of(const ordered_json& list) {
  Points points;
  for (const auto& point : list) points.emplace_back(number(point[0]), number(point[1]));
  return points;
}

bool has(const ordered_json* part, const char* name) {
  return part && part->contains(name) && !(*part)[name].empty();
}

/// The curves of all runs: of one run each of its classes, of several their first.
std::string ranking_plots(const std::vector<RunView>& runs) {
  Plot roc{"ROC", "false positive rate", "true positive rate", {}, std::pair{0., 1.}, std::pair{0., 1.}};
  Plot pr{"Precision and recall", "recall", "precision", {}, std::pair{0., 1.}, std::pair{0., 1.}};
  roc.square = pr.square = true;
  std::string note;
  for (const auto& run : runs) {
    const auto* part = shown_part(run);
    if (!has(part, "ranking")) continue;
    const auto& curves = (*part)["ranking"];
    if (runs.size() > 1 && curves.size() > 1) continue;
    for (const auto& curve : curves) {
      const auto name = runs.size() > 1 ? run.name : curves.size() > 1 ? text(curve["name"]) : "";
      const auto named = [&](const char* what, const char* field) {
        return fmt::format("{}{}{} {}", name, name.empty() ? "" : ", ", what, shown(curve[field]));
      };
      if (!curve["roc"].empty()) roc.lines.push_back({named("area", "roc_auc"), points_of(curve["roc"])});
      if (!curve["precision_recall"].empty())
        pr.lines.push_back(
            {named("average precision", "average_precision"), points_of(curve["precision_recall"])});
      if (!curve.contains("threshold") || curves.size() > 1 || runs.size() > 1) continue;
      const auto& at = curve["threshold"];
      const auto here = fmt::format("threshold {}", shown(at["value"]));
      roc.lines.push_back({here, {{number(at["false_positive_rate"]), number(at["recall"])}}, false, true});
      pr.lines.push_back({here, {{number(at["recall"]), number(at["precision"])}}, false, true});
      note = remark(fmt::format("Class “{}”: {} rows of it, {} others.", escaped(text(curve["name"])),
                                shown(curve["positives"]), shown(curve["negatives"])));
    }
  }
  if (roc.lines.empty() && pr.lines.empty()) return "";
  roc.lines.push_back({"by chance", {{0, 0}, {1, 1}}, false, false, true});
  return side_by_side({roc.text(), pr.text()}) + note;
}

std::string calibration(const ordered_json& found) {
  Plot plot{"Calibration",          "probability that the model says",
            "share that came true", {},
            std::pair{0., 1.},      std::pair{0., 1.}};
  plot.square = true;
  Points points;
  HtmlTable table{{"probability", "rows", "said", "came true"}};
  for (const auto& bin : found["bins"]) {
    if (number(bin["rows"]) > 0) points.emplace_back(number(bin["said"]), number(bin["seen"]));
    table.rows.push_back({fmt::format("{} to {}", shown(bin["low"]), shown(bin["high"])), shown(bin["rows"]),
                          shown(bin["said"]), shown(bin["seen"])});
  }
  plot.lines.push_back({"this model", points});
  plot.lines.push_back({"as it should be", {{0, 0}, {1, 1}}, false, false, true});
  const auto of = text(found["of"]);
  const auto what = of == "positive"    ? "the positive class"
                    : of == "likeliest" ? "the likeliest class"
                                        : "each label";
  const auto body = fmt::format(
      "<p>Expected calibration error (ECE) <b>{}</b>, Brier score <b>{}</b>. Of the probability of {}, "
      "in ten equal ranges.</p>",
      shown(found["ece"]), shown(found["brier"]), what);
  return body + side_by_side({plot.text(), table.text()});
}

std::string confusion_table(const ordered_json& matrix, const ordered_json& classes) {
  std::string rows =
      "<div class=\"scroll\" tabindex=\"0\"><table class=\"cm\"><thead><tr><th scope=\"col\">true class</th>";
  for (const auto& one : classes) rows += "<th scope=\"col\">" + excerpt_of(text(one["name"]), 24) + "</th>";
  rows += "</tr></thead><tbody>";
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    double whole = 0;
    for (const auto& cell : matrix[i]) whole += number(cell);
    rows += "<tr><th scope=\"row\">" + excerpt_of(text(classes[i]["name"]), 40) + "</th>";
    for (std::size_t k = 0; k < matrix[i].size(); ++k) {
      const double share = whole > 0 ? number(matrix[i][k]) / whole : 0;
      rows += fmt::format("<td style=\"--h:{:.3f}\"{}>{}</td>", share, i == k ? "" : " class=\"wrong\"",
                          shown(matrix[i][k]));
    }
    rows += "</tr>";
  }
  return rows + "</tbody></table></div>" + remark("A row a true class, a column a predicted one.");
}

/// Of many classes the pairs that are confused most.
std::string worst_pairs_table(const ordered_json& matrix, const ordered_json& classes) {
  struct Pair {
    double rows;
    std::size_t actual, predicted;
  };
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < matrix.size(); ++i)
    for (std::size_t k = 0; k < matrix[i].size(); ++k)
      if (i != k && number(matrix[i][k]) > 0) pairs.push_back({number(matrix[i][k]), i, k});
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.rows > b.rows; });
  if (pairs.size() > kMostClasses) pairs.resize(kMostClasses);
  HtmlTable table{{"true class", "taken for", "rows"}, {}, 2};
  for (const auto& pair : pairs)
    table.rows.push_back({escaped(text(classes[pair.actual]["name"])),
                          escaped(text(classes[pair.predicted]["name"])), shown(pair.rows)});
  return table.rows.empty() ? "<p>No row is confused.</p>" : table.text();
}

std::string class_table(const ordered_json& classes) {
  HtmlTable table{
      {"class", "rows", "predicted", "precision", "recall", "F1", "ROC AUC", "average precision"}};
  for (const auto& one : classes) {
    table.rows.push_back({excerpt_of(text(one["name"]), 60)});
    for (const char* field :
         {"rows", "predicted", "precision", "recall", "f1", "roc_auc", "average_precision"})
      table.rows.back().push_back(one.contains(field) ? shown(one[field]) : "–");
    if (table.rows.size() == 200) break;
  }
  const bool curves =
      std::any_of(classes.begin(), classes.end(), [](const auto& one) { return one.contains("roc_auc"); });
  if (!curves || classes.size() == 2) {
    table.head.resize(6);
    for (auto& row : table.rows) row.resize(6);
  }
  auto html = table.text();
  if (classes.size() > table.rows.size())
    html += remark(fmt::format("{} more classes.", classes.size() - table.rows.size()));
  return html;
}

std::string one_residual(const ordered_json& found) {
  const auto name = text(found["name"]);
  Plot plot{"Answers and targets" + (name.empty() ? "" : ": " + name), "target", "answer", {}};
  plot.square = true;
  Points points = points_of(found["points"]);
  double low = INFINITY, high = -INFINITY;
  for (const auto& [x, y] : points) {
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    low = std::min({low, x, y});
    high = std::max({high, x, y});
  }
  plot.lines.push_back({"", points, false, true});
  if (low < high) plot.lines.push_back({"answer = target", {{low, low}, {high, high}}, false, false, true});
  Histogram histogram{"Answer less target", "residual", {}, {}};
  for (const auto& edge : found["edges"]) histogram.edges.push_back(number(edge));
  for (const auto& count : found["counts"]) histogram.counts.push_back(number(count));
  std::string numbers = fmt::format(
      "<p>Mean absolute error <b>{}</b>, root mean square <b>{}</b>, R² <b>{}</b>, bias <b>{}</b>.</p>",
      shown(found["mae"]), shown(found["rmse"]), shown(found["r2"]), shown(found["bias"]));
  HtmlTable table{{"quantile of the residual", "least", "5 %", "25 %", "median", "75 %", "95 %", "most"}};
  if (!found["quantiles"].empty()) {
    table.rows.push_back({escaped(name.empty() ? "target" : name)});
    for (const auto& q : found["quantiles"]) table.rows[0].push_back(shown(q));
  }
  Plot spread{"Residuals by answer", "answer", "answer less target", {}};
  Points differences;
  for (const auto& [target, answer] : points) differences.emplace_back(answer, answer - target);
  spread.lines.push_back({"", differences, false, true});
  return numbers + side_by_side({plot.text(), histogram.text() + spread.text()}) +
         (table.rows.empty() ? "" : table.text());
}

}  // namespace

std::string ranking(const std::vector<RunView>& runs) {
  const auto plots = ranking_plots(runs);
  if (plots.empty()) return "";
  return section("ranking", "How well the scores rank", plots,
                 runs.size() == 1 ? part_text(runs[0]) : "test part");
}

std::string decisions(const RunView& run) {
  const auto* part = shown_part(run);
  std::string html;
  if (has(part, "calibration"))
    html += section("calibration", "Whether its probabilities come true", calibration((*part)["calibration"]),
                    part_text(run));
  if (!has(part, "classes")) return html;
  const auto& classes = (*part)["classes"];
  std::string matrix;
  if (has(part, "confusion_matrix"))
    matrix = classes.size() <= kMostClasses ? confusion_table((*part)["confusion_matrix"], classes)
                                            : worst_pairs_table((*part)["confusion_matrix"], classes);
  if (!matrix.empty()) html += section("confusion", "What is taken for what", matrix, part_text(run));
  return html + section("classes", "By class", class_table(classes), part_text(run));
}

std::string residuals(const RunView& run) {
  const auto* part = shown_part(run);
  std::string html;
  if (has(part, "residuals")) {
    for (const auto& one : (*part)["residuals"])
      html += ((*part)["residuals"].size() > 1 ? "<h3>" + escaped(text(one["name"])) + "</h3>" : "") +
              one_residual(one);
    return section("residuals", "Residuals", html, part_text(run));
  }
  if (!has(part, "quantiles")) return "";
  HtmlTable table{{"answer", "targets at or below it"}};
  for (const auto& one : (*part)["quantiles"])
    table.rows.push_back({escaped(text(one["name"])), percent(number(one["below"]))});
  return section(
      "quantiles", "Quantiles",
      table.text() + remark("Of the 0.1 quantile 10 % of the targets should lie at or below the answer."),
      part_text(run));
}

}  // namespace ringtrain::report
