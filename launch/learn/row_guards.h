#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

#include "data/schema/preprocessing.h"
#include "launch/learn/stream_row.h"

namespace ringtrain {

/// Refuses rows whose numbers lie far from what the model's schema was fitted on: in deviations, or in
/// ranges where it was scaled so. A column (or target) that the schema does not scale takes any number.
class RangeGuard {
 public:
  /// `far`: 0: any number is taken. `schema` outlives it.
  RangeGuard(const Preprocessing& schema, double far) : schema_(schema), far_(far) {}
  /// Why a row is refused; "" where it is not.
  std::string why_refused(const StreamRow& row) const;

 private:
  const Preprocessing& schema_;
  double far_;
};

/// At most a share of the last rows is taken from one key.
class KeyGuard {
 public:
  /// Over the last `rows` rows that were taken. A share of 1: any.
  KeyGuard(double share, std::int64_t rows);
  /// Whether one more row of `key` is taken; then it counts.
  bool takes(std::uint64_t key);
  /// How many rows of one key there may be.
  std::int64_t most() const { return most_; }

  nlohmann::ordered_json to_json() const;
  void restore(const nlohmann::ordered_json& json);

 private:
  void add(std::uint64_t key);
  std::int64_t rows_, most_;
  bool any_;
  std::deque<std::uint64_t> last_;
  std::unordered_map<std::uint64_t, std::int64_t> counts_;
};

}  // namespace ringtrain
