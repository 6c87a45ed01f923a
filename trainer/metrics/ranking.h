#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "trainer/metrics/column.h"
#include "trainer/metrics/holders.h"

namespace ringtrain {

/// The rows that have one score.
struct TieGroup {
  double score = 0;
  std::int64_t positives = 0;
  std::int64_t negatives = 0;
};

/// Scores of this rank's rows; those are positive whose label equals `positive`.
struct RankedColumn {
  Column scores, labels;
  double positive = 1;
};

/// The rows of all ranks by column and falling score: what ROC-AUC, average precision and thresholds are
/// computed from. No rank holds all: each has a range of this order, the first rank its begin, and a tie
/// group is on one rank. That is a sample sort (parallel sorting by regular sampling: Shi and Schaeffer
/// 1992): each rank sorts and folds its own rows, the same splitters are drawn from regular samples of all of
/// them, and rows go to the rank of their range. A rank gets at most about twice its even share of the
/// distinct scores, however many rows have one of them. Memory: 32 bytes a row of this rank (16 on one rank
/// alone).
///
/// 0 and -0 are one score. Throws, on all ranks, Error where the sizes of a column differ, TrainingError that
/// names the row (counted over all ranks) where a score is NaN. Collective.
class Ranking {
 public:
  struct Counts {
    std::int64_t positives = 0, negatives = 0;
    std::int64_t rows() const { return positives + negatives; }
  };
  static constexpr std::size_t kMostColumns = 4096;

  /// At most kMostColumns, of equally many rows.
  Ranking(std::span<const RankedColumn> columns, const Holders& holders);
  Ranking(const Ranking&) = delete;
  Ranking& operator=(const Ranking&) = delete;

  std::size_t columns() const { return all_.size(); }
  /// Of all ranks.
  const Counts& all(std::size_t column) const { return all_[column]; }
  /// Of this column on the ranks before: those have higher scores.
  const Counts& before(std::size_t column) const { return before_[column]; }
  /// Calls `take(column, group)` for each group of this rank, by column and falling score.
  template <class Take>
  void for_each(const Take& take) const {
    for (std::size_t i = 0; i < entries_.size();) {
      const auto& first = entries_[i];
      TieGroup group{first.score};
      for (; i < entries_.size() && entries_[i].same(first); ++i) {
        group.positives += entries_[i].positives;
        group.negatives += entries_[i].negatives;
      }
      take(std::size_t{first.column}, group);
    }
  }

  /// Some rows of one score: as many as the counts hold.
  struct Entry {
    static constexpr std::uint32_t kMostRows = 65'535;
    double score;
    std::uint16_t column, positives, negatives;
    std::uint16_t unused = 0;
    bool same(const Entry& other) const { return column == other.column && score == other.score; }
    bool operator<(const Entry& other) const {
      return column != other.column ? column < other.column : score > other.score;
    }
  };

 private:
  void exchange(const Holders& holders);
  void count(const Holders& holders);

  std::vector<Entry> own_;    // what `entries_` is on one rank
  at::Tensor received_;       // what it is on several
  std::span<Entry> entries_;  // sorted; those of one score stand together
  std::vector<Counts> all_, before_;
};

/// Calls `take(ranking, first)` for some columns at a time, `first` being the number of their first one: as
/// many as need no more memory than one of many rows. Collective.
void in_rankings(std::span<const RankedColumn> columns, const Holders& holders,
                 const std::function<void(const Ranking&, std::size_t first)>& take);

/// What the order of a column's rows is worth. The same bits on any number of ranks.
struct RankedAreas {
  Ranking::Counts rows;
  /// The probability that a positive row has a higher score than a negative one, ties counted half
  /// (Mann-Whitney U with midranks, exact in integers). NaN unless both classes occur.
  double roc_auc = 0;
  /// Average precision: the sum over thresholds of (recall gained) x precision, without interpolation, as
  /// scikit-learn's average_precision_score. NaN when there is no positive row.
  double average_precision = 0;
};

/// Of each column. Collective.
std::vector<RankedAreas> ranked_areas(std::span<const RankedColumn> columns, const Holders& holders);

}  // namespace ringtrain
