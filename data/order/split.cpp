#include "data/order/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "data/order/group_split.h"
#include "data/order/split_rule.h"
#include "data/order/time_split.h"

namespace ringtrain {
namespace {

std::vector<std::int64_t>& rows_of(Split& split, SplitPart part) {
  return part == SplitPart::train        ? split.train
         : part == SplitPart::validation ? split.validation
                                         : split.test;
}

Split split_by_hash(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  Split split;
  for (std::int64_t row = 0; row < table.rows(); ++row)
    rows_of(split, part_by_hash(config, split_hash(table.file_row(row), seed))).push_back(row);
  return split;
}

/// Without classes all rows are dealt out as those of one.
Split split_by_class(const SplitConfig& config, const Table& table, bool classes, std::uint64_t seed) {
  std::vector<std::vector<std::pair<std::uint64_t, std::int64_t>>> members(classes ? table.labels.size() : 1);
  const std::int64_t* target = classes ? table.target.const_data_ptr<std::int64_t>() : nullptr;
  for (std::int64_t row = 0; row < table.rows(); ++row)
    members[target ? static_cast<std::size_t>(target[row]) : 0].emplace_back(
        split_hash(table.file_row(row), seed), row);
  // By name, so that which class is which number changes nothing.
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (classes)
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return table.labels[a] < table.labels[b]; });
  Split split;
  std::int64_t before = 0;
  for (const auto c : order) {
    std::sort(members[c].begin(), members[c].end());
    const auto rows = static_cast<std::int64_t>(members[c].size());
    const auto shares = shares_of_class(config, rows, before);
    before += rows;
    for (std::int64_t i = 0; i < rows; ++i)
      rows_of(split, shares.part(i)).push_back(members[c][static_cast<std::size_t>(i)].second);
    if (classes && rows < config.folds && rows > 0 && split.warning.empty())
      split.warning = fmt::format(
          "the class '{}' has {} row{}, fewer than data.split.folds ({}): some folds have none of it in the "
          "test part",
          table.labels[c], rows, rows == 1 ? "" : "s", config.folds);
  }
  for (auto* part : {&split.train, &split.validation, &split.test}) std::sort(part->begin(), part->end());
  return split;
}

std::array<std::int64_t, 3> rows_of_parts(const Split& split) {
  return {static_cast<std::int64_t>(split.train.size()), static_cast<std::int64_t>(split.validation.size()),
          static_cast<std::int64_t>(split.test.size())};
}

Split split_by_groups(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  const auto parts = split_by_group(config, table.groups, seed);
  Split split;
  for (std::int64_t row = 0; row < table.rows(); ++row)
    rows_of(split, parts[static_cast<std::size_t>(row)]).push_back(row);
  const auto groups = std::unordered_set<std::uint64_t>(table.groups.begin(), table.groups.end()).size();
  split.warning = far_from_shares(
      config, rows_of_parts(split),
      fmt::format("data.split.group: the {} groups of '{}' stay whole", groups, config.group));
  return split;
}

Split split_by_times(const SplitConfig& config, const Table& table) {
  const auto timed = split_by_time(config, table.times);
  Split split;
  for (std::int64_t row = 0; row < table.rows(); ++row)
    if (timed.used.empty() || timed.used[static_cast<std::size_t>(row)])
      rows_of(split, timed.parts[static_cast<std::size_t>(row)]).push_back(row);
  split.warning =
      far_from_shares(config, rows_of_parts(split),
                      fmt::format("data.split.time: rows of the same '{}' stay together", config.time));
  return split;
}

Split split_of_config(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  if (!config.time.empty()) return split_by_times(config, table);
  const auto drawn = seed_of_repeat(config, seed);
  if (!config.group.empty()) return split_by_groups(config, table, drawn);
  const bool classes = config.stratify && table.has_classes();
  return classes || config.folds > 0 ? split_by_class(config, table, classes, drawn)
                                     : split_by_hash(config, table, drawn);
}

void require_every_class(const SplitConfig& config, const Table& table, const Split& split) {
  std::vector<std::int64_t> in_train(table.labels.size()), in_all(table.labels.size());
  const std::int64_t* target = table.target.const_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < table.rows(); ++row) ++in_all[static_cast<std::size_t>(target[row])];
  for (std::int64_t row : split.train) ++in_train[static_cast<std::size_t>(target[row])];
  for (std::size_t c = 0; c < in_train.size(); ++c)
    require_class(config, table.labels[c], table.target_names.at(0), in_train[c], in_all[c]);
}

}  // namespace

Split make_split(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  Split split = split_of_config(config, table, seed);
  require_rows(config, static_cast<std::int64_t>(split.train.size()),
               static_cast<std::int64_t>(split.test.size()), table.rows());
  if (table.has_classes()) require_every_class(config, table, split);
  return split;
}

}  // namespace ringtrain
