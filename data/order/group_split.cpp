#include "data/order/group_split.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <unordered_map>

namespace ringtrain {
namespace {

struct RowGroup {
  std::uint64_t place, value;
  std::int64_t rows;
  SplitPart part = SplitPart::train;
};

/// In the order of their places.
std::vector<RowGroup> groups_in_order(const std::vector<std::uint64_t>& groups, std::uint64_t seed) {
  std::unordered_map<std::uint64_t, std::int64_t> counts;
  for (const auto value : groups) ++counts[value];
  std::vector<RowGroup> all;
  all.reserve(counts.size());
  for (const auto& [value, rows] : counts) all.push_back({group_place(value, seed), value, rows});
  std::sort(all.begin(), all.end(), [](const RowGroup& a, const RowGroup& b) {
    return std::pair(a.place, a.value) < std::pair(b.place, b.value);
  });
  return all;
}

/// Returns the rows that are in no test part.
std::int64_t deal(const SplitConfig& config, std::vector<RowGroup>& groups) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(config.folds));
  std::int64_t rest = 0;
  for (auto& group : groups) {
    const auto fewest = std::min_element(rows.begin(), rows.end());
    *fewest += group.rows;
    if (fewest - rows.begin() == config.fold - 1)
      group.part = SplitPart::test;
    else
      rest += group.rows;
  }
  return rest;
}

void take_validation(const SplitConfig& config, std::vector<RowGroup>& groups, std::int64_t rest) {
  const auto wanted = std::llround(static_cast<double>(rest) * config.validation_of_rest());
  std::int64_t taken = 0;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    if (group->part == SplitPart::test) continue;
    if (std::abs(taken + group->rows - wanted) >= std::abs(taken - wanted)) continue;
    group->part = SplitPart::validation;
    taken += group->rows;
  }
}

}  // namespace

std::vector<SplitPart> split_by_group(const SplitConfig& config, const std::vector<std::uint64_t>& groups,
                                      std::uint64_t seed) {
  std::vector<SplitPart> parts;
  parts.reserve(groups.size());
  if (config.folds == 0) {
    for (const auto value : groups) parts.push_back(part_by_hash(config, group_place(value, seed)));
    return parts;
  }
  auto order = groups_in_order(groups, seed);
  take_validation(config, order, deal(config, order));
  std::unordered_map<std::uint64_t, SplitPart> part_of;
  for (const auto& group : order) part_of[group.value] = group.part;
  for (const auto value : groups) parts.push_back(part_of.at(value));
  return parts;
}

}  // namespace ringtrain
