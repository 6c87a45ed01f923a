#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace ringtrain {

/// Mixes 64 bits so that each input bit changes half of the output bits (the finaliser of SplitMix64, Steele
/// et al. 2014).
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// One seed out of several numbers, the same on every machine: seed_of({seed, epoch, rank}).
constexpr std::uint64_t seed_of(std::initializer_list<std::uint64_t> parts) {
  std::uint64_t state = 0;
  for (std::uint64_t part : parts) state = mix64(state ^ part);
  return state;
}

/// XXH3 (64 bits) of some bytes, or of a file's content, as 16 hex digits. A file that cannot be read throws
/// DataError.
std::uint64_t hash_bytes(std::string_view bytes);
std::string hash_text(std::string_view bytes);
std::string hash_file(const std::filesystem::path& file);

/// The same XXH3 of bytes that come in pieces.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void add(std::string_view bytes);
  /// Of all so far, as 16 hex digits.
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringtrain
