#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/checks/built_in_checks.h"
#include "trainer/checks/identifiers.h"
#include "trainer/checks/simple_models.h"

namespace ringtrain::checks {
namespace {

class RowOrderCheck : public Check {
 public:
  std::string name() const override { return "row_order"; }
  std::string doc() const override { return "A row's number, or an identifier, that predicts the target."; }

  Finding run(Subject& subject) const override {
    const auto* columns = subject.columns();
    if (!columns) return skipped(name(), subject.why_no_columns());
    const bool one_file = !has_files_of_parts(subject);
    const auto rows = one_file ? columns->joined(20'000) : columns->train();
    if (rows.rows() < 50) return skipped(name(), fmt::format("{} rows are too few to tell", rows.rows()));
    const auto& goal = columns->goal;
    const std::vector<double> places(rows.places.begin(), rows.places.end());
    const double chance = goal.chance(rows.target), limit = std::max(0.1, 4 * goal.noise(rows.target));
    const double by_place = goal.quality(column_answers(goal, places, false, rows.target), rows.target);
    const bool foretells = by_place - chance > limit;
    const auto value =
        fmt::format("{} {:.4g} by the row's number alone, {:.4g} by chance", goal.metric(), by_place, chance);
    if (const auto found = of_identifiers(subject, rows, limit)) {
      auto finding = *found;
      finding.value += "; " + value;
      return finding;
    }
    if (!foretells) return good(name(), value);
    return warning(name(), value,
                   one_file
                       ? "rows near each other are alike. If the file is sorted by the target that is "
                         "harmless; if it is sorted by time, person or place, rows of one are in all parts, "
                         "and the metrics promise too much: split by it, into files of their own "
                         "(data.validation_file, data.test_file)"
                       : "the training file is sorted; batches are shuffled, so nothing is to be done unless "
                         "the order is time");
  }

 private:
  static bool has_files_of_parts(const Subject& subject) {
    const auto table = subject.config().data.kind().table(subject.config().data.train_file);
    return table && !(table->validation_file.empty() && table->test_file.empty());
  }
  /// A feature that is an identifier; the one that foretells most.
  std::optional<Finding> of_identifiers(Subject& subject, const ColumnPart& rows, double limit) const {
    const auto* columns = subject.single_columns();
    if (!columns) return {};
    const auto& goal = columns->goal;
    std::optional<Finding> worst;
    for (const auto& one : identifiers_of(*columns)) {
      const auto& place = columns->names[one.column];
      const double alone = goal.quality(
          column_answers(goal, rows.columns[one.column], place.category, rows.target), rows.target);
      const auto value = fmt::format("'{}' is an identifier ({}) and a feature: {} {:.4g} alone", place.name,
                                     one.why, goal.metric(), alone);
      const auto remedy =
          fmt::format("take it out, new rows have others: data.features.ignore: ['{}']", place.name);
      const bool foretells = !place.category && alone - goal.chance(rows.target) > limit;
      if (!worst || foretells) worst = (foretells ? bad : warning)(name(), value, remedy);
      if (foretells) break;
    }
    return worst;
  }
};

}  // namespace

std::unique_ptr<Check> row_order_check() { return std::make_unique<RowOrderCheck>(); }

}  // namespace ringtrain::checks
