#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "launch/learn/stream_row.h"

namespace ringtrain {

/// Some of all rows that were given so far, each with the same chance (algorithm R; J. S. Vitter, Random
/// sampling with a reservoir, ACM TOMS 11, 1985). Where a row goes is a hash of the seed and the row's
/// number: the same rows give the same reservoir, on any machine and after any restart.
class Reservoir {
 public:
  Reservoir(std::int64_t size, std::uint64_t seed) : size_(size), seed_(seed) {}
  void add(const StreamRow& row);
  /// `count` rows for step `step`, with repetitions; none while it is empty.
  std::vector<StreamRow> draw(std::int64_t step, std::int64_t count) const;
  const std::vector<StreamRow>& rows() const { return rows_; }
  std::int64_t given() const { return given_; }

  nlohmann::ordered_json to_json() const;
  void restore(const nlohmann::ordered_json& json);

 private:
  std::int64_t size_;
  std::uint64_t seed_;
  std::int64_t given_ = 0;
  std::vector<StreamRow> rows_;
};

}  // namespace ringtrain
