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

void check_label(std::int64_t label, std::int64_t classes, std::size_t row) {
  if (label < 0 || label >= classes)
    throw Error(fmt::format("metrics: the label of row {} is {}, expected 0 to {}", row, label, classes - 1));
}

double accuracy(const Confusion& confusion, std::size_t rows) {
  std::int64_t right = 0;
  for (std::size_t k = 0; k < confusion.size(); ++k) right += confusion[k][k];
  return ratio(right, static_cast<std::int64_t>(rows), undefined);
}

}  // namespace

MetricsReport binary_metrics(std::span<const double> scores, std::span<const std::int64_t> labels,
                             double threshold) {
  const Ranking ranking(scores, labels);
  MetricsReport report;
  report.confusion.assign(2, std::vector<std::int64_t>(2, 0));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    check_label(labels[i], 2, i);
    ++report.confusion[static_cast<std::size_t>(labels[i])][scores[i] >= threshold ? 1 : 0];
  }
  const bool any = !labels.empty();
  const ClassCounts positive = counts_of(report.confusion, 1);
  report.values = {{"accuracy", accuracy(report.confusion, labels.size())},
                   {"precision", any ? positive.precision() : undefined},
                   {"recall", any ? positive.recall() : undefined},
                   {"f1", any ? positive.f1() : undefined},
                   {"roc_auc", ranking.roc_auc()},
                   {"pr_auc", ranking.average_precision()}};
  return report;
}

MetricsReport multiclass_metrics(std::span<const double> probabilities, std::int64_t classes,
                                 std::span<const std::int64_t> labels) {
  const std::size_t rows = labels.size();
  if (classes < 2) throw Error(fmt::format("metrics: {} classes, expected at least 2", classes));
  const auto width = static_cast<std::size_t>(classes);
  if (probabilities.size() != rows * width)
    throw Error(fmt::format("metrics: {} probabilities, expected {} rows x {} classes", probabilities.size(),
                            rows, classes));
  MetricsReport report;
  report.confusion.assign(width, std::vector<std::int64_t>(width, 0));
  for (std::size_t i = 0; i < rows; ++i) {
    check_label(labels[i], classes, i);
    const auto row = probabilities.subspan(i * width, width);
    const auto predicted = std::max_element(row.begin(), row.end()) - row.begin();
    ++report.confusion[static_cast<std::size_t>(labels[i])][static_cast<std::size_t>(predicted)];
  }
  Mean precision, recall, f1, roc_auc, pr_auc;
  std::vector<double> scores(rows);
  for (std::size_t k = 0; k < width; ++k) {
    const ClassCounts counts = counts_of(report.confusion, k);
    if (counts.predicted + counts.actual > 0) {
      precision.add(counts.precision());
      recall.add(counts.recall());
      f1.add(counts.f1());
    }
    for (std::size_t i = 0; i < rows; ++i) scores[i] = probabilities[i * width + k];
    const Ranking ranking(scores, labels, static_cast<std::int64_t>(k));
    if (ranking.positives > 0 && ranking.negatives > 0) roc_auc.add(ranking.roc_auc());
    if (ranking.positives > 0) pr_auc.add(ranking.average_precision());
  }
  report.values = {{"accuracy", accuracy(report.confusion, rows)},
                   {"precision", precision.value()},
                   {"recall", recall.value()},
                   {"f1", f1.value()},
                   {"roc_auc", roc_auc.value()},
                   {"pr_auc", pr_auc.value()}};
  return report;
}

}  // namespace ringtrain
