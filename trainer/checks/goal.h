#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ringtrain::checks {

/// What is to be foretold of a row, and how well that was done, in one number for any task of tables.
struct Goal {
  std::int64_t classes = 0;  ///< 0: a number
  std::string name{};        ///< of the target

  /// "roc_auc" of two classes, "accuracy" of more, "r2" of a number.
  std::string metric() const;
  /// At most 1, which is perfect. `scores`: [n, outputs()] of any floating type: of classes what each scores,
  /// else the value. `target`: [n] classes or values. NaN where it is not defined.
  double quality(const at::Tensor& scores, const std::vector<double>& target) const;
  /// What those who know nothing of a row reach: 0.5, the share of the most frequent class, 0.
  double chance(const std::vector<double>& target) const;
  /// The standard error of `chance`'s estimate on these rows: what lies a few of them above is no chance.
  double noise(const std::vector<double>& target) const;
  std::int64_t outputs() const { return classes > 0 ? classes : 1; }
};

/// Rows dealt to five folds at random, always the same: the fold of each.
std::vector<int> folds_of(std::size_t rows);
inline constexpr int kFolds = 5;

}  // namespace ringtrain::checks
