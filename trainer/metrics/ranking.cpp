#include "trainer/metrics/ranking.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/errors.h"

namespace ringtrain {

static constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

Ranking::Ranking(std::span<const double> scores, std::span<const std::int64_t> labels,
                 std::int64_t positive) {
  if (scores.size() != labels.size())
    throw Error(fmt::format("metrics: {} scores but {} labels", scores.size(), labels.size()));
  struct Row {
    double score;
    bool positive;
  };
  std::vector<Row> rows(scores.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::isnan(scores[i]))
      throw TrainingError(fmt::format("metrics: the score of row {} is not a number", i));
    rows[i] = {scores[i], labels[i] == positive};
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.score > b.score; });
  for (const Row& row : rows) {
    if (groups.empty() || groups.back().score != row.score) groups.push_back({row.score});
    ++(row.positive ? groups.back().positives : groups.back().negatives);
    ++(row.positive ? positives : negatives);
  }
}

double Ranking::roc_auc() const {
  if (positives == 0 || negatives == 0) return kUndefined;
  std::uint64_t twice_won = 0;
  std::int64_t negatives_below = negatives;
  for (const TieGroup& group : groups) {
    negatives_below -= group.negatives;
    twice_won += static_cast<std::uint64_t>(group.positives) *
                 static_cast<std::uint64_t>(2 * negatives_below + group.negatives);
  }
  return static_cast<double>(twice_won) / 2 / static_cast<double>(positives) / static_cast<double>(negatives);
}

double Ranking::average_precision() const {
  if (positives == 0) return kUndefined;
  double sum = 0;
  std::int64_t found = 0;
  std::int64_t predicted = 0;
  for (const TieGroup& group : groups) {
    found += group.positives;
    predicted += group.positives + group.negatives;
    sum += static_cast<double>(group.positives) * static_cast<double>(found) / static_cast<double>(predicted);
  }
  return sum / static_cast<double>(positives);
}

}  // namespace ringtrain
