#include "trainer/metrics/multilabel.h"

#include <fmt/format.h>

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
struct LabelCounts {
  std::int64_t hits = 0, predicted = 0, given = 0;
  double f1() const { return ratio(2 * hits, predicted + given); }
};

/// This rank's rows, then all: of each label hits, predicted, given; at the end rows that are all right, and
/// rows.
std::vector<std::int64_t> label_counts(std::span<const double> probabilities, std::span<const double> given,
                                       std::span<const double> thresholds, const Holders& holders) {
  const auto width = thresholds.size();
  std::vector<std::int64_t> counts(3 * width + 2);
  holders.together([&] {
    if (width == 0 || probabilities.size() != given.size() || given.size() % width != 0)
      throw Error(fmt::format("metrics: {} probabilities and {} targets of {} labels", probabilities.size(),
                              given.size(), width));
    for (std::size_t begin = 0; begin < given.size(); begin += width) {
      bool all = true;
      for (std::size_t k = 0; k < width; ++k) {
        const bool is_predicted = probabilities[begin + k] >= thresholds[k], is_given = given[begin + k] > 0;
        counts[3 * k] += is_predicted && is_given ? 1 : 0;
        counts[3 * k + 1] += is_predicted ? 1 : 0;
        counts[3 * k + 2] += is_given ? 1 : 0;
        all = all && is_predicted == is_given;
      }
      counts[3 * width] += all ? 1 : 0;
      ++counts[3 * width + 1];
    }
  });
  holders.sum(counts);
  return counts;
}

}  // namespace

MetricsReport multilabel_metrics(std::span<const double> probabilities, std::span<const double> given,
                                 std::span<const double> thresholds, const Holders& holders) {
  const auto counts = label_counts(probabilities, given, thresholds, holders);
  const auto width = thresholds.size();
  const auto rows = counts[3 * width + 1];
  std::vector<RankedColumn> columns;
  for (std::size_t k = 0; k < width; ++k)
    columns.push_back({Column(probabilities, k, width), Column(given, k, width)});
  const auto areas = ranked_areas(columns, holders);
  LabelCounts all;
  Mean precision, recall, f1, roc_auc, pr_auc;
  for (std::size_t k = 0; k < width && rows > 0; ++k) {
    const LabelCounts one{counts[3 * k], counts[3 * k + 1], counts[3 * k + 2]};
    precision.add(ratio(one.hits, one.predicted));
    recall.add(ratio(one.hits, one.given));
    f1.add(one.f1());
    all = {all.hits + one.hits, all.predicted + one.predicted, all.given + one.given};
    if (areas[k].rows.positives > 0 && areas[k].rows.negatives > 0) roc_auc.add(areas[k].roc_auc);
    if (areas[k].rows.positives > 0) pr_auc.add(areas[k].average_precision);
  }
  const auto wrong = all.predicted + all.given - 2 * all.hits;
  MetricsReport report;
  report.values = {{"subset_accuracy", ratio(counts[3 * width], rows, undefined)},
                   {"hamming_loss", ratio(wrong, rows * static_cast<std::int64_t>(width), undefined)},
                   {"precision", precision.value()},
                   {"recall", recall.value()},
                   {"f1", f1.value()},
                   {"f1_micro", rows == 0 ? undefined : all.f1()},
                   {"roc_auc", roc_auc.value()},
                   {"pr_auc", pr_auc.value()}};
  return report;
}

}  // namespace ringtrain
