#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace ringtrain {

/// A sum of float64 numbers without rounding: each is added to a fixed-point number that holds all of them
/// (Kulisch's long accumulator), and rounded once, at the end, to the nearest float64. So the order does not
/// matter, nor how many ranks share the work: the bits are always the same. Some nanoseconds a number.
class ExactSum {
 public:
  static constexpr std::size_t kDigits = 70;            ///< of 32 bits: 2,098 for a float64, and carries
  static constexpr std::size_t kNumbers = kDigits + 3;  ///< and how many NaN, infinities, negative ones
  using Numbers = std::array<std::int64_t, kNumbers>;

  void add(double value);
  /// The sum; NaN, or infinite, where what was added is, or where it exceeds float64.
  double value() const;

  /// What sums of several ranks are added up by, number by number: of up to 2^30 ranks.
  Numbers numbers() const;
  static ExactSum of(std::span<const std::int64_t, kNumbers> numbers);

 private:
  void carry();
  Numbers numbers_{};       // digit i counts 2^(32 i - 1074), and may be negative; then the three counts
  std::int64_t added_ = 0;  // since the last carry
};

}  // namespace ringtrain
