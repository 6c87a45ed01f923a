#include "trainer/checks/goal.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace ringtrain::checks {
namespace {

/// The share of pairs of a row of class 1 and one of class 0 in which the first one scores more; ties count
/// half.
double area_under_roc(const std::vector<double>& scores, const std::vector<double>& target) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] < scores[b]; });
  double negatives = 0, positives = 0, pairs = 0;
  for (std::size_t i = 0; i < order.size();) {
    double tied_negatives = 0, tied_positives = 0;
    const double score = scores[order[i]];
    for (; i < order.size() && scores[order[i]] == score; ++i)
      ++(target[order[i]] == 1 ? tied_positives : tied_negatives);
    pairs += tied_positives * (negatives + tied_negatives / 2);
    negatives += tied_negatives;
    positives += tied_positives;
  }
  return positives > 0 && negatives > 0 ? pairs / (positives * negatives)
                                        : std::numeric_limits<double>::quiet_NaN();
}

double r2(const double* values, const std::vector<double>& target) {
  const double mean = std::accumulate(target.begin(), target.end(), 0.0) / static_cast<double>(target.size());
  double off = 0, all = 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    off += (target[i] - values[i]) * (target[i] - values[i]);
    all += (target[i] - mean) * (target[i] - mean);
  }
  return all > 0 ? 1 - off / all : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> counts_of(const std::vector<double>& target, std::int64_t classes) {
  std::vector<double> counts(static_cast<std::size_t>(classes));
  for (const double value : target) ++counts[static_cast<std::size_t>(value)];
  return counts;
}

}  // namespace

std::string Goal::metric() const { return classes == 0 ? "r2" : classes == 2 ? "roc_auc" : "accuracy"; }

double Goal::quality(const at::Tensor& scores, const std::vector<double>& target) const {
  if (target.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto numbers = scores.to(at::kDouble).contiguous();
  const auto* all = numbers.const_data_ptr<double>();
  if (classes == 0) return r2(all, target);
  if (classes == 2) {
    std::vector<double> of_second(target.size());
    for (std::size_t i = 0; i < target.size(); ++i) of_second[i] = all[2 * i + 1] - all[2 * i];
    return area_under_roc(of_second, target);
  }
  std::size_t right = 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto* row = all + static_cast<std::int64_t>(i) * classes;
    right += std::max_element(row, row + classes) - row == static_cast<std::int64_t>(target[i]);
  }
  return static_cast<double>(right) / static_cast<double>(target.size());
}

double Goal::chance(const std::vector<double>& target) const {
  if (classes == 0) return 0;
  if (classes == 2) return 0.5;
  const auto counts = counts_of(target, classes);
  return *std::max_element(counts.begin(), counts.end()) / std::max(1.0, static_cast<double>(target.size()));
}

double Goal::noise(const std::vector<double>& target) const {
  const auto rows = std::max(1.0, static_cast<double>(target.size()));
  if (classes == 0) return 1 / std::sqrt(rows);
  if (classes > 2) return std::sqrt(chance(target) * (1 - chance(target)) / rows);
  const auto counts = counts_of(target, classes);
  const double pairs = std::max(1.0, counts[0] * counts[1]);  // Hanley and McNeil 1982, of an area of 0.5
  return std::sqrt((rows + 1) / (12 * pairs));
}

std::vector<int> folds_of(std::size_t rows) {
  std::vector<int> folds(rows);
  for (std::size_t i = 0; i < rows; ++i) folds[i] = static_cast<int>(i % kFolds);
  std::mt19937_64 random(1);
  for (std::size_t i = rows; i > 1; --i) std::swap(folds[i - 1], folds[random() % i]);
  return folds;
}

}  // namespace ringtrain::checks
