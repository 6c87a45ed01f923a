#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace ringtrain {

/// Finds the bytes that may mean more than themselves, 64 at a time: the delimiter, the quote, and all below
/// a blank (line ends and NUL are among them).
class SpecialBytes {
 public:
  static constexpr std::size_t kBlock = 64;

  SpecialBytes(char delimiter, char quote)
      : delimiters_(eight(delimiter ? delimiter : '\n')), quotes_(eight(quote ? quote : '\n')) {}

  /// Bit i: the byte at `from` + i is one.
  std::uint64_t find(const char* from) const {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < kBlock; i += 8) {
      const std::uint64_t word = load(from + i);
      const std::uint64_t is = equal(word ^ delimiters_) | equal(word ^ quotes_) | below_blank(word);
      // The product gathers the eight high bits in its top byte.
      found |= ((is & kHigh) * 0x0002040810204081u >> 56) << i;
    }
    return found;
  }

 private:
  static constexpr std::uint64_t kHigh = 0x8080808080808080u, kLow = ~kHigh;

  static std::uint64_t eight(char c) { return 0x0101010101010101u * static_cast<unsigned char>(c); }
  static std::uint64_t load(const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof(word));
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
  }
  // The high bits of the bytes that are 0, and of those below 0x20; the others' may be anything below.
  static std::uint64_t equal(std::uint64_t difference) {
    return ~(((difference & kLow) + kLow) | difference);
  }
  static std::uint64_t below_blank(std::uint64_t word) {
    return ~(((word & kLow) + 0x6060606060606060u) | word);
  }

  std::uint64_t delimiters_, quotes_;
};

}  // namespace ringtrain
