#pragma once

#include <cstdint>

#include "common/hash.h"

namespace ringtrain {

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine. `next` mixes the state after
/// adding 0x9e3779b97f4a7c15.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    const std::uint64_t value = mix64(state_);  // mix64 adds the constant itself
    state_ += 0x9e3779b97f4a7c15ULL;
    return value;
  }

  /// A number in [0, bound), each as likely: Lemire's multiply-high with rejection (2019). `bound` > 0.
  std::uint64_t below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    Wide product = static_cast<Wide>(next()) * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
      const std::uint64_t threshold = (0 - bound) % bound;
      while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(next()) * bound;
    }
    return static_cast<std::uint64_t>(product >> 64);
  }

  /// A number in [0, 1), of 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace ringtrain
