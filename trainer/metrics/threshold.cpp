#include "trainer/metrics/threshold.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr double without_choice = 0.5;

/// The rows from some score on are predicted positive.
struct Cut {
  std::int64_t hits = 0, predicted = 0;
};

/// Whether the first is better, with `positives` in all; never where they are as good.
using Better = std::function<bool(const Cut& one, const Cut& other, std::int64_t positives)>;

/// What a rank says of a column: its best cut, with the scores on both sides of it, and what its range begins
/// with. It may have no score of the column.
struct RangeCut {
  Cut cut;
  bool has_scores = false, has_below = false;
  double above = 0, below = 0;
  double highest = 0;

  static constexpr std::size_t kNumbers = 7;
  void append_to(std::vector<std::int64_t>& numbers) const;
  static RangeCut of(const std::int64_t* numbers);
};

void RangeCut::append_to(std::vector<std::int64_t>& numbers) const {
  numbers.insert(numbers.end(), {cut.hits, cut.predicted, has_scores ? 1 : 0, has_below ? 1 : 0,
                                 std::bit_cast<std::int64_t>(above), std::bit_cast<std::int64_t>(below),
                                 std::bit_cast<std::int64_t>(highest)});
}

RangeCut RangeCut::of(const std::int64_t* numbers) {
  const auto real = [&](std::size_t i) { return std::bit_cast<double>(numbers[i]); };
  return {{numbers[0], numbers[1]}, numbers[2] != 0, numbers[3] != 0, real(4), real(5), real(6)};
}

/// A threshold above `below` and not above `above`.
double halfway(double below, double above) {
  const double middle = static_cast<float>(below + (above - below) / 2);
  return below < middle && middle <= above ? middle : above;
}

double above_all(double highest) {
  if (highest < 1) return halfway(highest, 1);
  return std::nextafter(static_cast<float>(highest), std::numeric_limits<float>::infinity());
}

std::vector<RangeCut> best_cuts_here(const Ranking& ranking, const Better& better) {
  std::vector<RangeCut> best(ranking.columns());
  std::vector<Cut> cuts(ranking.columns());
  std::vector<bool> is_last(ranking.columns());  // the best cut is below the score before
  for (std::size_t c = 0; c < cuts.size(); ++c)
    cuts[c] = {ranking.before(c).positives, ranking.before(c).rows()};
  ranking.for_each([&](std::size_t c, const TieGroup& group) {
    auto& cut = cuts[c];
    auto& range = best[c];
    cut.hits += group.positives;
    cut.predicted += group.positives + group.negatives;
    if (is_last[c]) {
      range.below = group.score;
      range.has_below = true;
    }
    is_last[c] = !range.has_scores || better(cut, range.cut, ranking.all(c).positives);
    if (is_last[c]) {
      range.cut = cut;
      range.above = group.score;
      range.has_below = false;
    }
    if (!range.has_scores) range.highest = group.score;
    range.has_scores = true;
  });
  return best;
}

/// Of one column: `ranges` of all ranks, the first rank has the highest scores. The highest threshold wins
/// where cuts are as good, so a later one must be better.
double threshold_of(const std::vector<RangeCut>& ranges, std::int64_t positives, const Better& better) {
  Cut best;  // no row
  std::optional<double> above, below;
  double highest = std::numeric_limits<double>::quiet_NaN();
  bool open = false;  // what lies below the best cut is not known yet
  for (const auto& range : ranges) {
    if (!range.has_scores) continue;
    if (std::isnan(highest)) highest = range.highest;
    if (open) below = range.highest;
    open = false;
    if (!better(range.cut, best, positives)) continue;
    best = range.cut;
    above = range.above;
    below = range.has_below ? std::optional(range.below) : std::nullopt;
    open = !range.has_below;
  }
  if (!above) return above_all(highest);
  return below ? halfway(*below, *above) : *above;
}

std::vector<double> best_thresholds(std::span<const RankedColumn> columns, const Holders& holders,
                                    const Better& better) {
  std::vector<double> thresholds;
  in_rankings(columns, holders, [&](const Ranking& ranking, std::size_t) {
    std::vector<std::int64_t> mine;
    for (const auto& range : best_cuts_here(ranking, better)) range.append_to(mine);
    const auto all = holders.of_each(mine);
    for (std::size_t c = 0; c < ranking.columns(); ++c) {
      std::vector<RangeCut> ranges;
      for (std::size_t at = c * RangeCut::kNumbers; at < all.size(); at += mine.size())
        ranges.push_back(RangeCut::of(all.data() + at));
      const auto& rows = ranking.all(c);
      thresholds.push_back(rows.positives == 0 || rows.negatives == 0
                               ? without_choice
                               : threshold_of(ranges, rows.positives, better));
    }
  });
  return thresholds;
}

}  // namespace

std::vector<double> best_f1_thresholds(std::span<const RankedColumn> columns, const Holders& holders) {
  // F1 = 2 hits / (predicted + positives); two of them are compared exactly, by cross multiplication.
  return best_thresholds(columns, holders, [](const Cut& one, const Cut& other, std::int64_t positives) {
    using Wide = __int128;
    return Wide{one.hits} * (other.predicted + positives) > Wide{other.hits} * (one.predicted + positives);
  });
}

std::vector<double> least_cost_thresholds(std::span<const RankedColumn> columns, double cost_ratio,
                                          const Holders& holders) {
  if (!(cost_ratio > 0) || std::isinf(cost_ratio))
    throw ConfigError(
        fmt::format("the cost ratio of the threshold: expected a positive number, got {}", cost_ratio));
  return best_thresholds(columns, holders, [&](const Cut& one, const Cut& other, std::int64_t positives) {
    const auto cost = [&](const Cut& cut) {
      return static_cast<double>(cut.predicted - cut.hits) +
             cost_ratio * static_cast<double>(positives - cut.hits);
    };
    return cost(one) < cost(other);
  });
}

}  // namespace ringtrain
