#include "launch/learn/promotion_guard.h"

#include <fmt/format.h>

#include "common/text.h"

namespace ringtrain {

std::string PromotionGuard::why_not(std::int64_t rows, std::int64_t day, bool frozen) const {
  if (frozen) return "the freeze file is there";
  if (rows < limits_.least_rows)
    return fmt::format("{} rows are held out, fewer than learn.guards.least_rows ({})", with_commas(rows),
                       with_commas(limits_.least_rows));
  if (limits_.most_of_a_day > 0 && day <= day_ && promotions_ >= limits_.most_of_a_day)
    return fmt::format("{} were made live that day, as many as learn.guards.promotions_a_day allows",
                       promotions_);
  return "";
}

void PromotionGuard::promoted(std::int64_t day) {
  if (promotions_ == 0 || day > day_) promotions_ = 0;
  if (promotions_ == 0) day_ = day;
  ++promotions_;
}

void PromotionGuard::restore(const nlohmann::ordered_json& json) {
  day_ = json.at("day").get<std::int64_t>();
  promotions_ = json.at("promotions").get<std::int64_t>();
}

}  // namespace ringtrain
