#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "trainer/checks/built_in_checks.h"
#include "trainer/checks/simple_models.h"

namespace ringtrain::checks {
namespace {

struct Alone {
  std::size_t column = 0;
  double quality = 0;
};

/// What each column says alone, the best first.
std::vector<Alone> each_alone(const Columns& columns, const ColumnPart& rows) {
  std::vector<Alone> all;
  for (std::size_t c = 0; c < columns.names.size(); ++c) {
    const double quality =
        quality_of_column(columns.goal, rows.columns[c], columns.names[c].category, rows.target);
    all.push_back({c, std::isnan(quality) ? 0 : quality});
  }
  std::stable_sort(all.begin(), all.end(), [](auto a, auto b) { return a.quality > b.quality; });
  return all;
}

/// What all other columns say, by a linear model or by the best one of them, whichever says more.
double without(const Columns& columns, const ColumnPart& rows, const std::vector<Alone>& alone,
               const std::vector<std::size_t>& left_out) {
  const auto is_out = [&](std::size_t column) {
    return std::find(left_out.begin(), left_out.end(), column) != left_out.end();
  };
  std::vector<at::Tensor> kept;
  for (std::size_t c = 0; c < columns.names.size(); ++c)
    if (!is_out(c)) kept.push_back(rows.features.narrow(1, columns.names[c].first, columns.names[c].width));
  double best = columns.goal.chance(rows.target);
  for (const auto& one : alone)
    if (!is_out(one.column)) best = std::max(best, one.quality);
  if (kept.empty()) return best;
  const auto answers = linear_answers_of_folds(columns.goal, at::cat(kept, 1), rows.target);
  const double linear = columns.goal.quality(answers, rows.target);
  return std::isnan(linear) ? best : std::max(best, linear);
}

class LeakCheck : public Check {
 public:
  std::string name() const override { return "leak"; }
  std::string doc() const override { return "A column that predicts the target alone."; }

  Finding run(Subject& subject) const override {
    const auto* columns = subject.single_columns();
    if (!columns) return skipped(name(), subject.why_no_single_columns());
    if (columns->names.size() < 2) return skipped(name(), "there is one column");
    const auto rows = columns->joined(10'000);
    if (rows.rows() < 50) return skipped(name(), fmt::format("{} rows are too few to tell", rows.rows()));
    const auto alone = each_alone(*columns, rows);
    // Several that say nearly all are copies of each other: without one of them nothing is missing.
    std::vector<std::size_t> suspects{alone[0].column};
    std::vector<std::string> names{columns->names[alone[0].column].name};
    for (std::size_t i = 1; i + 1 < alone.size() && suspects.size() < 4; ++i)
      if (1 - alone[i].quality <= kAllBut && 1 - alone[0].quality <= kAllBut) {
        suspects.push_back(alone[i].column);
        names.push_back(columns->names[alone[i].column].name);
      }
    const double rest = without(*columns, rows, alone, suspects);
    const double missing = 1 - alone[0].quality, missing_of_rest = 1 - rest;
    const auto value =
        fmt::format("{} {:.4g} by '{}' alone, {:.4g} by all others without {}", columns->goal.metric(),
                    alone[0].quality, fmt::join(names, "', '"), rest, names.size() == 1 ? "it" : "them");
    const bool says_more = missing < kMuchLess * missing_of_rest && alone[0].quality > kSays;
    if (says_more || (missing <= kAllBut && missing_of_rest > 2 * missing && missing_of_rest > kAllBut))
      return bad(name(), value, remedy(names[0]));
    if (missing <= kAllBut && alone.size() > suspects.size() &&
        1 - alone[suspects.size()].quality > kFarBehind)
      return warning(name(), value, remedy(names[0]));
    return good(name(), value);
  }

 private:
  static constexpr double kAllBut = 0.002;   ///< what is missing to all
  static constexpr double kMuchLess = 0.25;  ///< of what the others miss
  static constexpr double kSays = 0.8;
  static constexpr double kFarBehind = 0.02;
  static std::string remedy(const std::string& column) {
    return fmt::format(
        "is '{0}' known when the model is asked? If it is written down with or after the target, "
        "take it out: data.features.ignore: ['{0}']",
        column);
  }
};

}  // namespace

std::unique_ptr<Check> leak_check() { return std::make_unique<LeakCheck>(); }

}  // namespace ringtrain::checks
