#include "launch/learn/row_guards.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"

namespace ringtrain {

std::string RangeGuard::why_refused(const StreamRow& row) const {
  if (far_ <= 0) return "";
  std::vector<std::string> problems;
  const auto look = [&](const std::string& name, double value, double scaled) {
    if (std::abs(scaled) > far_)
      problems.push_back(
          fmt::format("column '{}': {} is {:.4g} deviations from what the model was trained on, "
                      "more than learn.guards.far ({})",
                      name, value, std::abs(scaled), far_));
  };
  for (std::size_t c = 0; c < row.numbers.size(); ++c) {
    const auto& column = schema_.numeric[c];
    if (column.shift == 0 && column.scale == 1) continue;
    if (!std::isnan(row.numbers[c]))
      look(column.name, row.numbers[c], (row.numbers[c] - column.shift) * column.scale);
  }
  for (std::size_t t = 0; t < row.targets.size() && schema_.scales_target(); ++t) {
    const auto scale = schema_.scale_of(t);
    look(schema_.targets[t], row.targets[t], (row.targets[t] - scale.shift) / scale.scale);
  }
  return join(problems, "; ");
}

KeyGuard::KeyGuard(double share, std::int64_t rows)
    : rows_(rows),
      most_(std::max<std::int64_t>(1, static_cast<std::int64_t>(share * static_cast<double>(rows)))),
      any_(share >= 1) {}

void KeyGuard::add(std::uint64_t key) {
  last_.push_back(key);
  ++counts_[key];
  if (static_cast<std::int64_t>(last_.size()) <= rows_) return;
  const auto oldest = counts_.find(last_.front());
  if (--oldest->second == 0) counts_.erase(oldest);
  last_.pop_front();
}

bool KeyGuard::takes(std::uint64_t key) {
  if (any_) return true;
  const auto found = counts_.find(key);
  if (found != counts_.end() && found->second >= most_) return false;
  add(key);
  return true;
}

nlohmann::ordered_json KeyGuard::to_json() const {
  auto json = nlohmann::ordered_json::array();
  for (const auto key : last_) json.push_back(key);
  return json;
}

void KeyGuard::restore(const nlohmann::ordered_json& json) {
  last_.clear();
  counts_.clear();
  for (const auto& key : json) add(key.get<std::uint64_t>());
}

}  // namespace ringtrain
