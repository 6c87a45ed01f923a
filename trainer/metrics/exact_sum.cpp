#include "trainer/metrics/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace ringtrain {
namespace {

constexpr int kDigitBits = 32, kMantissaBits = 52, kLowest = -1074;
constexpr std::int64_t kDigitMask = 0xffffffff;
constexpr std::int64_t kMostAdded = 1 << 30;  // as many digits fit an int64
constexpr std::size_t kNaNs = ExactSum::kDigits, kInfinities = kNaNs + 1, kNegativeInfinities = kNaNs + 2;

}  // namespace

void ExactSum::add(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto exponent = static_cast<int>(bits >> kMantissaBits & 0x7ff);
  auto mantissa = bits & ((std::uint64_t{1} << kMantissaBits) - 1);
  if (exponent == 0x7ff) {
    ++numbers_[mantissa != 0 ? kNaNs : value > 0 ? kInfinities : kNegativeInfinities];
    return;
  }
  if (exponent > 0) mantissa |= std::uint64_t{1} << kMantissaBits;
  const int place = std::max(exponent - 1, 0);  // of the lowest bit, above 2^-1074
  const auto wide = static_cast<unsigned __int128>(mantissa) << (place % kDigitBits);
  const bool negative = bits >> 63 != 0;
  auto* digit = numbers_.data() + place / kDigitBits;
  for (int i = 0; i < 3; ++i) {
    const auto part = static_cast<std::int64_t>(wide >> (i * kDigitBits)) & kDigitMask;
    digit[i] += negative ? -part : part;
  }
  if (++added_ == kMostAdded) carry();
}

/// Leaves every digit but the last in [0, 2^32); the last has the sign.
void ExactSum::carry() {
  added_ = 0;
  for (std::size_t i = 0; i + 1 < kDigits; ++i) {
    numbers_[i + 1] += numbers_[i] >> kDigitBits;  // rounds down
    numbers_[i] &= kDigitMask;
  }
}

ExactSum::Numbers ExactSum::numbers() const {
  ExactSum carried = *this;
  carried.carry();
  return carried.numbers_;
}

ExactSum ExactSum::of(std::span<const std::int64_t, kNumbers> numbers) {
  ExactSum sum;
  std::copy(numbers.begin(), numbers.end(), sum.numbers_.begin());
  return sum;
}

double ExactSum::value() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (numbers_[kNaNs] > 0 || (numbers_[kInfinities] > 0 && numbers_[kNegativeInfinities] > 0))
    return std::numeric_limits<double>::quiet_NaN();
  if (numbers_[kInfinities] > 0) return infinity;
  if (numbers_[kNegativeInfinities] > 0) return -infinity;

  ExactSum sum = *this;
  sum.carry();
  const bool negative = sum.numbers_[kDigits - 1] < 0;
  if (negative) {
    for (std::size_t i = 0; i < kDigits; ++i) sum.numbers_[i] = -sum.numbers_[i];
    sum.carry();
  }
  std::size_t top = kDigits - 1;
  while (top > 2 && sum.numbers_[top] == 0) --top;
  // The top three digits hold all that float64 does; what is below tells which way half of a last bit goes.
  unsigned __int128 digits = 0;
  for (std::size_t i = 0; i < 3; ++i)
    digits = digits << kDigitBits | static_cast<std::uint64_t>(sum.numbers_[top - i]);
  const bool more =
      std::any_of(sum.numbers_.begin(), sum.numbers_.begin() + static_cast<std::ptrdiff_t>(top) - 2,
                  [](std::int64_t digit) { return digit != 0; });
  if (more) digits |= 1;
  const int lowest = kLowest + (static_cast<int>(top) - 2) * kDigitBits;
  const double size = std::ldexp(static_cast<double>(digits), lowest);
  return negative ? -size : size;
}

}  // namespace ringtrain
