#include "common/config.h"

#include <fmt/format.h>

#include <cmath>

namespace ringtrain::config {

bool NumberRule::accepts(double value) const {
  if (std::isnan(value)) return false;
  return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
}

std::string NumberRule::text() const {
  if (std::isinf(low) && std::isinf(high)) return "";
  if (std::isinf(high)) {
    if (low == 0) return low_open ? "a positive number" : "zero or a positive number";
    return fmt::format("a number {} {}", low_open ? "above" : "of at least", low);
  }
  return fmt::format("a number in {}{}, {}{}", low_open ? '(' : '[', low, high, high_open ? ')' : ']');
}

NumberRule positive() { return {.low = 0, .low_open = true}; }
NumberRule non_negative() { return {.low = 0}; }
NumberRule at_least(double low) { return {.low = low}; }
NumberRule fraction() { return {.low = 0, .high = 1}; }
NumberRule fraction_below_one() { return {.low = 0, .high = 1, .high_open = true}; }

}  // namespace ringtrain::config
