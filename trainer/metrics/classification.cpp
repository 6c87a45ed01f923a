#include "trainer/metrics/classification.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "common/errors.h"
#include "trainer/metrics/mean.h"
#include "trainer/metrics/ranking.h"

namespace ringtrain {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double ratio(std::int64_t part, std::int64_t whole, double otherwise) {
  return whole == 0 ? otherwise : static_cast<double>(part) / static_cast<double>(whole);
}

// Counts of one class against the rest.
struct ClassCounts {
  std::int64_t hits = 0, predicted = 0, actual = 0;
  double precision() const { return ratio(hits, predicted, 0); }
  double recall() const { return ratio(hits, actual, 0); }
  double f1() const { return ratio(2 * hits, predicted + actual, 0); }
};

ClassCounts counts_of(const Confusion& confusion, std::size_t k) {
  ClassCounts counts{.hits = confusion[k][k]};
  for (std::size_t other = 0; other < confusion.size(); ++other) {
    counts.predicted += confusion[other][k];
    counts.actual += confusion[k][other];
  }
  return counts;
}

/// Counts of this rank's rows, then of all.
class Counted {
 public:
  explicit Counted(std::size_t classes) : classes_(classes), counts_(classes * classes) {}
  void add(double label, std::size_t predicted, std::int64_t row) {
    if (!(label >= 0) || label >= static_cast<double>(classes_))
      throw Error(
          fmt::format("metrics: the label of row {} is {}, expected 0 to {}", row, label, classes_ - 1));
    ++counts_[static_cast<std::size_t>(label) * classes_ + predicted];
  }
  Confusion of_all(const Holders& holders) {
    holders.sum(counts_);
    Confusion confusion;
    for (auto row = counts_.begin(); row != counts_.end(); row += static_cast<std::ptrdiff_t>(classes_))
      confusion.emplace_back(row, row + static_cast<std::ptrdiff_t>(classes_));
    return confusion;
  }

 private:
  std::size_t classes_;
  std::vector<std::int64_t> counts_;
};

double accuracy(const Confusion& confusion, std::int64_t rows) {
  std::int64_t right = 0;
  for (std::size_t k = 0; k < confusion.size(); ++k) right += confusion[k][k];
  return ratio(right, rows, undefined);
}

std::int64_t first_row(const Holders& holders, const Column& labels) {
  return holders.before(static_cast<std::int64_t>(labels.size()));
}

}  // namespace

MetricsReport binary_metrics(const Column& scores, const Column& labels, double threshold,
                             const Holders& holders) {
  const RankedColumn column{scores, labels};
  const auto areas = ranked_areas(std::span(&column, 1), holders)[0];
  const auto first = first_row(holders, labels);
  Counted counted(2);
  holders.together([&] {
    for (std::size_t i = 0; i < labels.size(); ++i)
      counted.add(labels[i], scores[i] >= threshold ? 1 : 0, first + static_cast<std::int64_t>(i));
  });
  MetricsReport report;
  report.confusion = counted.of_all(holders);
  const auto rows = areas.rows.rows();
  const bool any = rows > 0;
  const ClassCounts positive = counts_of(report.confusion, 1);
  report.values = {{"accuracy", accuracy(report.confusion, rows)},
                   {"precision", any ? positive.precision() : undefined},
                   {"recall", any ? positive.recall() : undefined},
                   {"f1", any ? positive.f1() : undefined},
                   {"roc_auc", areas.roc_auc},
                   {"pr_auc", areas.average_precision}};
  return report;
}

MetricsReport multiclass_metrics(std::span<const double> probabilities, std::int64_t classes,
                                 const Column& labels, const Holders& holders) {
  if (classes < 2) throw Error(fmt::format("metrics: {} classes, expected at least 2", classes));
  const auto width = static_cast<std::size_t>(classes);
  const auto first = first_row(holders, labels);
  Counted counted(width);
  holders.together([&] {
    if (probabilities.size() != labels.size() * width)
      throw Error(fmt::format("metrics: {} probabilities, expected {} rows x {} classes",
                              probabilities.size(), labels.size(), classes));
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto row = probabilities.subspan(i * width, width);
      const auto predicted = std::max_element(row.begin(), row.end()) - row.begin();
      counted.add(labels[i], static_cast<std::size_t>(predicted), first + static_cast<std::int64_t>(i));
    }
  });
  MetricsReport report;
  report.confusion = counted.of_all(holders);
  std::vector<RankedColumn> columns;
  for (std::size_t k = 0; k < width; ++k)
    columns.push_back({Column(probabilities, k, width), labels, static_cast<double>(k)});
  const auto areas = ranked_areas(columns, holders);
  Mean precision, recall, f1, roc_auc, pr_auc;
  for (std::size_t k = 0; k < width; ++k) {
    const ClassCounts counts = counts_of(report.confusion, k);
    if (counts.predicted + counts.actual > 0) {
      precision.add(counts.precision());
      recall.add(counts.recall());
      f1.add(counts.f1());
    }
    const auto& rows = areas[k].rows;
    if (rows.positives > 0 && rows.negatives > 0) roc_auc.add(areas[k].roc_auc);
    if (rows.positives > 0) pr_auc.add(areas[k].average_precision);
  }
  report.values = {{"accuracy", accuracy(report.confusion, areas[0].rows.rows())},
                   {"precision", precision.value()},
                   {"recall", recall.value()},
                   {"f1", f1.value()},
                   {"roc_auc", roc_auc.value()},
                   {"pr_auc", pr_auc.value()}};
  return report;
}

}  // namespace ringtrain
