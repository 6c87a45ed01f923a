#include <limits>

#include "trainer/metrics/ranking.h"

namespace ringtrain {
namespace {

/// What this rank's groups of a column add.
struct AreaSums {
  std::int64_t found = 0, predicted = 0;  ///< so far, the ranks before included
  unsigned __int128 twice_won = 0;
  ExactSum precisions;
};

/// A sum over ranks goes in two halves of an int64.
constexpr int kHalf = 32;

double roc_auc(const Ranking::Counts& rows, std::int64_t low, std::int64_t high) {
  if (rows.positives == 0 || rows.negatives == 0) return std::numeric_limits<double>::quiet_NaN();
  const auto twice_won = (static_cast<unsigned __int128>(high) << kHalf) + static_cast<std::uint64_t>(low);
  return static_cast<double>(twice_won) / 2 / static_cast<double>(rows.positives) /
         static_cast<double>(rows.negatives);
}

std::vector<AreaSums> sums_here(const Ranking& ranking) {
  std::vector<AreaSums> sums(ranking.columns());
  for (std::size_t c = 0; c < sums.size(); ++c) {
    sums[c].found = ranking.before(c).positives;
    sums[c].predicted = ranking.before(c).rows();
  }
  ranking.for_each([&](std::size_t column, const TieGroup& group) {
    auto& sum = sums[column];
    sum.found += group.positives;
    sum.predicted += group.positives + group.negatives;
    const auto negatives_below = ranking.all(column).negatives - (sum.predicted - sum.found);
    sum.twice_won += static_cast<unsigned __int128>(group.positives) *
                     static_cast<std::uint64_t>(2 * negatives_below + group.negatives);
    sum.precisions.add(static_cast<double>(group.positives) * static_cast<double>(sum.found) /
                       static_cast<double>(sum.predicted));
  });
  return sums;
}

void append_areas(std::vector<RankedAreas>& areas, const Ranking& ranking, const Holders& holders) {
  const auto sums = sums_here(ranking);
  std::vector<std::int64_t> won;
  std::vector<ExactSum> precisions;
  for (const auto& sum : sums) {
    won.push_back(static_cast<std::int64_t>(sum.twice_won & 0xffffffff));
    won.push_back(static_cast<std::int64_t>(sum.twice_won >> kHalf));
    precisions.push_back(sum.precisions);
  }
  holders.sum(won);
  const auto sum_of_precisions = holders.sum(precisions);
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const auto& rows = ranking.all(c);
    areas.push_back({rows, roc_auc(rows, won[2 * c], won[2 * c + 1]),
                     sum_of_precisions[c] / static_cast<double>(rows.positives)});  // 0 / 0: NaN
  }
}

}  // namespace

std::vector<RankedAreas> ranked_areas(std::span<const RankedColumn> columns, const Holders& holders) {
  std::vector<RankedAreas> areas;
  in_rankings(columns, holders,
              [&](const Ranking& ranking, std::size_t) { append_areas(areas, ranking, holders); });
  return areas;
}

}  // namespace ringtrain
