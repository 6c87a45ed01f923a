#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace ringtrain {

/// When nothing is made live, however good a candidate is.
class PromotionGuard {
 public:
  struct Limits {
    std::int64_t least_rows = 1;     ///< with truth, that a candidate was measured on
    std::int64_t most_of_a_day = 0;  ///< 0: any number
  };
  explicit PromotionGuard(const Limits& limits) : limits_(limits) {}

  /// What stands against it; "" for nothing. `day`: the rows', which only grows.
  std::string why_not(std::int64_t rows, std::int64_t day, bool frozen) const;
  /// A version was made live.
  void promoted(std::int64_t day);

  nlohmann::ordered_json to_json() const { return {{"day", day_}, {"promotions", promotions_}}; }
  void restore(const nlohmann::ordered_json& json);

 private:
  Limits limits_;
  std::int64_t day_ = 0, promotions_ = 0;
};

}  // namespace ringtrain
