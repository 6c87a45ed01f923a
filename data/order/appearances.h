#pragma once

#include <cstdint>
#include <vector>

namespace ringtrain {

/// Samples that appear in an epoch more or less often than once, by their weights. An epoch has as many
/// appearances as there are samples, n. Weights are scaled to the sum n; sample i appears
///
///     floor(W[i + 1] + u) - floor(W[i] + u)   times,   W[i] = the sum of the scaled weights before i,
///
/// u in [0, 1) drawn for (seed, epoch): systematic sampling (Madow, 1949). So it appears floor(w) or ceil(w)
/// times, w on average over the epochs, and the length of an epoch does not change.
class Appearances {
 public:
  /// `weights`: finite, from 0 on, not all 0. Throws ConfigError for others.
  Appearances(const std::vector<double>& weights, std::uint64_t seed);
  std::int64_t size() const { return static_cast<std::int64_t>(ends_.size()); }
  /// The sample of appearance `number` (0 ≤ number < size()) of `epoch`; they come in the order of samples.
  std::int64_t sample(std::int64_t epoch, std::int64_t number) const;

 private:
  std::vector<double> ends_;  ///< [n] W[i + 1]
  std::uint64_t seed_;
};

}  // namespace ringtrain
