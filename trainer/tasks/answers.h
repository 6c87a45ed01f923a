#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "trainer/metrics/column.h"
#include "trainer/metrics/holders.h"

namespace ringtrain {

/// What a model answers for a part of the data. Each rank has the rows that it answered; `sum`, `mean` and
/// `count` are of the rows of all ranks, so a metric of them is that of the whole part. Of tokens there are
/// no rows here: loss and accuracy are sums over all ranks, divided once.
///
///     report.set("off_by", answers.mean([&](std::size_t row) {
///       return std::abs(answers.scores[row] - answers.targets[row]);
///     }));
struct Evaluation {
  double loss = 0;      ///< of the whole part: mean, by weight, in the target's unit; NaN for an empty part
  double accuracy = 0;  ///< of all tokens: share of the right answers, by weight
  std::int64_t width = 1;            ///< scores of a row
  std::int64_t target_width = 1;     ///< targets of a row
  std::vector<std::string> names{};  ///< of the scores where the task names them (Head::names)
  std::vector<double> scores{};      ///< [n × width]: probabilities, or values, of this rank's rows
  std::vector<double> targets{};     ///< [n × target_width]: the class number, or values
  std::vector<std::int64_t> rows{};  ///< [n]: place in the data file; rising, and above those of lower ranks,
                                     ///< where the dataset's are
  Holders holders{};                 ///< who has the other rows

  /// Of this rank; it may have none.
  std::size_t size() const { return targets.size() / static_cast<std::size_t>(target_width); }
  /// Column `k`, of this rank's rows.
  Column score(std::int64_t k) const { return of(scores, k, width); }
  Column target(std::int64_t k) const { return of(targets, k, target_width); }

  /// The rows of all ranks. This and what follows is collective: every rank calls the same in the same order.
  std::int64_t total() const { return holders.sum(static_cast<std::int64_t>(size())); }
  /// `of_row(row)`, a number, added up over the rows of all ranks; `row` is below `size()`. The sum is exact,
  /// rounded once: the same bits on any number of ranks. What `of_row` throws on one rank is thrown on all.
  template <class OfRow>
  double sum(const OfRow& of_row) const {
    ExactSum mine;
    holders.together([&] {
      for (std::size_t row = 0; row < size(); ++row) mine.add(of_row(row));
    });
    return holders.sum(mine);
  }
  /// The same, divided by their number; NaN without rows.
  template <class OfRow>
  double mean(const OfRow& of_row) const {
    const double all = sum(of_row);
    const auto number = total();
    return number > 0 ? all / static_cast<double>(number) : std::numeric_limits<double>::quiet_NaN();
  }
  /// For how many rows of all ranks `is(row)` is true.
  template <class Is>
  std::int64_t count(const Is& is) const {
    std::int64_t mine = 0;
    holders.together([&] {
      for (std::size_t row = 0; row < size(); ++row) mine += is(row) ? 1 : 0;
    });
    return holders.sum(mine);
  }

  static Column of(const std::vector<double>& numbers, std::int64_t k, std::int64_t width) {
    return {numbers, static_cast<std::size_t>(k), static_cast<std::size_t>(width)};
  }
};

}  // namespace ringtrain
