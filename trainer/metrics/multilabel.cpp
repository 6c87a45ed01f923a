#include "trainer/metrics/multilabel.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "common/errors.h"
#include "trainer/metrics/mean.h"
#include "trainer/metrics/ranking.h"

namespace ringtrain {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double ratio(std::int64_t part, std::int64_t whole, double otherwise = 0) {
  return whole == 0 ? otherwise : static_cast<double>(part) / static_cast<double>(whole);
}

/// Of one label, or of all together.
struct Counts {
  std::int64_t hits = 0, predicted = 0, given = 0;
  void add(bool is_predicted, bool is_given) {
    hits += is_predicted && is_given ? 1 : 0;
    predicted += is_predicted ? 1 : 0;
    given += is_given ? 1 : 0;
  }
  double f1() const { return ratio(2 * hits, predicted + given); }
};

std::int64_t rows_all_right(std::span<const double> probabilities, std::span<const double> given,
                            std::span<const double> thresholds) {
  std::int64_t right = 0;
  const auto width = thresholds.size();
  for (std::size_t begin = 0; begin < given.size(); begin += width) {
    bool all = true;
    for (std::size_t k = 0; k < width; ++k)
      all = all && (probabilities[begin + k] >= thresholds[k]) == (given[begin + k] > 0);
    right += all ? 1 : 0;
  }
  return right;
}

}  // namespace

MetricsReport multilabel_metrics(std::span<const double> probabilities, std::span<const double> given,
                                 std::span<const double> thresholds) {
  const auto width = thresholds.size();
  if (width == 0 || probabilities.size() != given.size() || given.size() % width != 0)
    throw Error(fmt::format("metrics: {} probabilities and {} targets of {} labels", probabilities.size(),
                            given.size(), width));
  const auto rows = given.size() / width;
  Counts all;
  Mean precision, recall, f1, roc_auc, pr_auc;
  std::vector<double> scores(rows);
  std::vector<std::int64_t> labels(rows);
  for (std::size_t k = 0; k < width && rows > 0; ++k) {
    Counts one;
    for (std::size_t row = 0; row < rows; ++row) {
      scores[row] = probabilities[row * width + k];
      labels[row] = given[row * width + k] > 0 ? 1 : 0;
      one.add(scores[row] >= thresholds[k], labels[row] == 1);
      all.add(scores[row] >= thresholds[k], labels[row] == 1);
    }
    precision.add(ratio(one.hits, one.predicted));
    recall.add(ratio(one.hits, one.given));
    f1.add(one.f1());
    const Ranking ranking(scores, labels);
    if (ranking.positives > 0 && ranking.negatives > 0) roc_auc.add(ranking.roc_auc());
    if (ranking.positives > 0) pr_auc.add(ranking.average_precision());
  }
  const auto wrong = all.predicted + all.given - 2 * all.hits;
  MetricsReport report;
  report.values = {{"subset_accuracy", ratio(rows_all_right(probabilities, given, thresholds),
                                             static_cast<std::int64_t>(rows), undefined)},
                   {"hamming_loss", ratio(wrong, static_cast<std::int64_t>(given.size()), undefined)},
                   {"precision", precision.value()},
                   {"recall", recall.value()},
                   {"f1", f1.value()},
                   {"f1_micro", rows == 0 ? undefined : all.f1()},
                   {"roc_auc", roc_auc.value()},
                   {"pr_auc", pr_auc.value()}};
  return report;
}

}  // namespace ringtrain
