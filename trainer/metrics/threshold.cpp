#include "trainer/metrics/threshold.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "common/errors.h"
#include "trainer/metrics/ranking.h"

namespace ringtrain {
namespace {

constexpr double without_choice = 0.5;

// A threshold above `below` and not above `above`.
double halfway(double below, double above) {
  const double middle = static_cast<float>(below + (above - below) / 2);
  return below < middle && middle <= above ? middle : above;
}

// The threshold that predicts class 1 for the rows of the first `count` groups, which are sorted by falling
// score.
double threshold_for(const Ranking& ranking, std::size_t count) {
  const auto& groups = ranking.groups;
  if (count == groups.size()) return groups.back().score;
  if (count > 0) return halfway(groups[count].score, groups[count - 1].score);
  const double highest = groups.front().score;
  if (highest < 1) return halfway(highest, 1);
  return std::nextafter(static_cast<float>(highest), std::numeric_limits<float>::infinity());
}

}  // namespace

double best_f1_threshold(std::span<const double> scores, std::span<const std::int64_t> labels) {
  const Ranking ranking(scores, labels);
  if (ranking.positives == 0 || ranking.negatives == 0) return without_choice;
  // F1 = 2 hits / (predicted + positives); two of them are compared exactly, by cross multiplication.
  std::int64_t best_hits = 0, best_sum = 1;
  std::int64_t hits = 0, predicted = 0;
  std::size_t best = 0;
  for (std::size_t count = 1; count <= ranking.groups.size(); ++count) {
    const TieGroup& group = ranking.groups[count - 1];
    hits += group.positives;
    predicted += group.positives + group.negatives;
    const std::int64_t sum = predicted + ranking.positives;
    if (hits * best_sum > best_hits * sum) {
      best = count;
      best_hits = hits;
      best_sum = sum;
    }
  }
  return threshold_for(ranking, best);
}

double least_cost_threshold(std::span<const double> scores, std::span<const std::int64_t> labels,
                            double cost_ratio) {
  if (!(cost_ratio > 0) || std::isinf(cost_ratio))
    throw ConfigError(
        fmt::format("the cost ratio of the threshold: expected a positive number, got {}", cost_ratio));
  const Ranking ranking(scores, labels);
  if (ranking.positives == 0 || ranking.negatives == 0) return without_choice;
  std::int64_t false_positives = 0, false_negatives = ranking.positives;
  double least = cost_ratio * static_cast<double>(false_negatives);
  std::size_t best = 0;
  for (std::size_t count = 1; count <= ranking.groups.size(); ++count) {
    false_positives += ranking.groups[count - 1].negatives;
    false_negatives -= ranking.groups[count - 1].positives;
    const double cost =
        static_cast<double>(false_positives) + cost_ratio * static_cast<double>(false_negatives);
    if (cost < least) {
      best = count;
      least = cost;
    }
  }
  return threshold_for(ranking, best);
}

}  // namespace ringtrain
