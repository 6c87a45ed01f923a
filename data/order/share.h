#pragma once

#include <algorithm>
#include <cstdint>

namespace ringtrain {

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

/// The part [begin, end) of `count` things that falls to `part` of `parts`: as even as possible, the first
/// ones larger by one.
inline Range even_share(std::int64_t count, std::int64_t part, std::int64_t parts) {
  const std::int64_t each = count / parts;
  const std::int64_t larger = count % parts;
  const std::int64_t begin = part * each + std::min(part, larger);
  return {begin, begin + each + (part < larger ? 1 : 0)};
}

}  // namespace ringtrain
