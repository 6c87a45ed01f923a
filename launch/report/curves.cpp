#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "launch/report/html.h"
#include "launch/report/page.h"
#include "launch/report/plot.h"

namespace ringtrain::report {
namespace {

constexpr std::size_t kPoints = 600;

Points steps_of(const RunView& run, const std::string& name) {
  const auto found = run.record.steps.find(name);
  return found == run.record.steps.end() ? Points() : thinned(found->second, kPoints);
}

Points evaluations_of(const RunView& run, const std::string& part, const std::string& metric) {
  Points points;
  for (const auto& one : run.record.evaluations)
    if (one.part == part)
      for (const auto& [name, value] : one.values)
        if (name == metric) points.emplace_back(static_cast<double>(one.step), value);
  return thinned(points, kPoints);
}

/// Steps whose value is no number: a line cannot show them.
std::string not_finite(const std::vector<RunView>& runs, const std::string& name) {
  std::int64_t count = 0;
  double first = 0;
  for (const auto& run : runs)
    if (const auto found = run.record.steps.find(name); found != run.record.steps.end())
      for (const auto& [step, value] : found->second)
        if (!std::isfinite(value) && count++ == 0) first = step;
  return count == 0 ? ""
                    : remark(fmt::format("{} of the logged values {} no number, the first at step {}.",
                                         with_commas(count), count == 1 ? "is" : "are",
                                         with_commas(static_cast<long long>(first))));
}

std::string loss_of_one(const RunView& run) {
  Plot plot{"Loss", "step", "", {}};
  plot.may_be_logarithmic = true;
  plot.lines.push_back({"training batch", steps_of(run, "loss")});
  plot.lines.push_back(
      {"training, mean of the epoch", evaluations_of(run, "validation", "train_loss"), true});
  plot.lines.push_back({"validation", evaluations_of(run, "validation", "loss")});
  plot.lines.push_back({"test", evaluations_of(run, "test", "loss"), false, true});
  std::erase_if(plot.lines, [](const Line& line) {
    return std::none_of(line.points.begin(), line.points.end(),
                        [](const auto& point) { return std::isfinite(point.second); });
  });
  return plot.text() + not_finite({run}, "loss");
}

std::string of_runs(const std::vector<RunView>& runs, const std::string& title, const std::string& unit,
                    bool logarithmic, const std::function<Points(const RunView&)>& points) {
  Plot plot{title, "step", unit, {}};
  plot.may_be_logarithmic = logarithmic;
  std::size_t number = 0;
  for (const auto& run : runs) {
    Line line{runs.size() == 1 ? "" : run.name, points(run)};
    // Colours come again after seven runs: then dashed.
    line.dashed = number++ >= 7;
    plot.lines.push_back(std::move(line));
  }
  return plot.text();
}

/// Validation metrics but the losses, in the order in which they come.
std::vector<std::string> metrics_of(const std::vector<RunView>& runs) {
  std::vector<std::string> names;
  for (const auto& run : runs)
    for (const auto& one : run.record.evaluations)
      if (one.part == "validation")
        for (const auto& [name, value] : one.values)
          if (name != "loss" && name != "train_loss" &&
              std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
  if (names.size() > 24) names.resize(24);
  return names;
}

}  // namespace

std::string curves(const std::vector<RunView>& runs) {
  std::vector<std::string> plots;
  if (runs.size() == 1) {
    plots.push_back(loss_of_one(runs[0]));
  } else {
    plots.push_back(of_runs(runs, "Training loss", "of the logged batches", true,
                            [](const RunView& run) { return steps_of(run, "loss"); }) +
                    not_finite(runs, "loss"));
    plots.push_back(of_runs(runs, "Validation loss", "", true,
                            [](const RunView& run) { return evaluations_of(run, "validation", "loss"); }));
  }
  for (const auto& metric : metrics_of(runs))
    plots.push_back(of_runs(runs, metric, "validation", false,
                            [&](const RunView& run) { return evaluations_of(run, "validation", metric); }));
  for (const auto& [name, title, logarithmic] : {std::tuple{"learning_rate", "Learning rate", false},
                                                 {"samples_per_second", "Samples a second", false},
                                                 {"loss_scale", "Loss scale", true}})
    plots.push_back(of_runs(runs, title, "", logarithmic,
                            [n = std::string(name)](const RunView& run) { return steps_of(run, n); }));
  const auto body = side_by_side(plots);
  return section("curves", "Curves", body.empty() ? "<p>The log has no steps yet.</p>" : body);
}

std::string time_spent(const std::vector<RunView>& runs) {
  std::string body;
  HtmlTable table{
      {"", "whole loop", "loading", "computing", "waiting for ranks", "evaluating", "checkpoints"}};
  for (const auto& run : runs) {
    const auto& spent = run.record.spent;
    if (spent.whole <= 0) continue;
    std::vector<std::string> row{escaped(run.name), human_seconds(spent.whole)};
    std::string stack;
    int colour = 0;
    for (const double part :
         {spent.loading, spent.computing(), spent.waiting, spent.evaluating, spent.checkpoints}) {
      row.push_back(fmt::format("{} ({})", human_seconds(part), percent(part / spent.whole)));
      stack +=
          fmt::format("<i class=\"c{}\" style=\"width:{:.2f}%\"></i>", colour++, 100 * part / spent.whole);
    }
    body +=
        fmt::format("<div class=\"stack\" role=\"img\" aria-label=\"shares of the time\">{}</div>", stack);
    table.rows.push_back(std::move(row));
  }
  if (body.empty()) return "";
  std::string legend = "<div class=\"legend\">";
  for (int i = 0; i < 5; ++i)
    legend += fmt::format(
        "<span><svg viewBox=\"0 0 22 8\" class=\"key c{}\" aria-hidden=\"true\"><path d=\"M0 4H22\" "
        "style=\"stroke-width:8\"/></svg>{}</span>",
        i, table.head[static_cast<std::size_t>(i) + 2]);
  return section(
      "time", "Where the time went",
      legend + "</div>" + body + table.text() +
          remark(
              "Rank 0, the training loop alone: without start, test part and export. Computing is what the "
              "others leave; waiting is for sums of gradients that backward did not hide."));
}

}  // namespace ringtrain::report
