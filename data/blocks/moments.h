#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ringtrain {

/// Count, mean and squared deviations of numbers, put together in a fixed order: the same bits on any number
/// of ranks. `join`: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
/// variances" (1979).
struct Moments {
  double count = 0, mean = 0, squares = 0;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  static constexpr int kNumbers = 5;

  /// Of the numbers `at(0)` to `at(n - 1)`; NaN is none.
  template <class At>
  static Moments of(std::int64_t n, At at) {
    Moments m;
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double value = at(i);
      if (std::isnan(value)) continue;
      sum += value;
      m.count += 1;
      m.low = std::min(m.low, value);
      m.high = std::max(m.high, value);
    }
    if (m.count == 0) return m;
    m.mean = sum / m.count;
    for (std::int64_t i = 0; i < n; ++i) {
      const double off = at(i) - m.mean;
      if (!std::isnan(off)) m.squares += off * off;
    }
    return m;
  }

  void join(const Moments& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const double all = count + other.count, apart = other.mean - mean;
    mean += apart * (other.count / all);
    squares += other.squares + apart * apart * (count * (other.count / all));
    count = all;
    low = std::min(low, other.low);
    high = std::max(high, other.high);
  }

  double deviation() const { return std::sqrt(squares / count); }
};

}  // namespace ringtrain
