#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringtrain {

/// What a model answers for a part of the data: all rows, in the dataset's order, on every rank. So metrics
/// are exact: computed from all scores, never averaged over ranks. Of tokens there are no rows here: loss and
/// accuracy are sums over all ranks, divided once.
struct Evaluation {
  double loss = 0;                   ///< mean, by weight, in the target's unit; NaN for an empty part
  double accuracy = 0;               ///< of tokens: share of the right answers, by weight
  std::int64_t width = 1;            ///< scores of a row
  std::int64_t target_width = 1;     ///< targets of a row
  std::vector<std::string> names{};  ///< of the scores where the task names them (Head::names)
  std::vector<double> scores{};      ///< [n × width]: probabilities, or values
  std::vector<double> targets{};     ///< [n × target_width]: the class number, or values
  std::vector<std::int64_t> rows{};  ///< [n]: place in the data file

  std::size_t size() const { return targets.size() / static_cast<std::size_t>(target_width); }
};

/// Column `k` of [n × width] numbers, row by row.
inline std::vector<double> column_of(const std::vector<double>& numbers, std::int64_t k, std::int64_t width) {
  std::vector<double> column;
  for (auto i = static_cast<std::size_t>(k); i < numbers.size(); i += static_cast<std::size_t>(width))
    column.push_back(numbers[i]);
  return column;
}

}  // namespace ringtrain
