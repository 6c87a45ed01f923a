#include "data/order/split.h"

#include <algorithm>
#include <utility>

#include "data/order/split_rule.h"

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

Split split_by_class(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  std::vector<std::vector<std::pair<std::uint64_t, std::int64_t>>> classes(table.labels.size());
  const std::int64_t* target = table.target.const_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < table.rows(); ++row)
    classes[static_cast<std::size_t>(target[row])].emplace_back(split_hash(table.file_row(row), seed), row);
  Split split;
  for (auto& members : classes) {
    std::sort(members.begin(), members.end());
    const auto shares = shares_of_class(config, static_cast<std::int64_t>(members.size()));
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(members.size()); ++i)
      rows_of(split, i < shares.to_validation ? SplitPart::train
                     : i < shares.to_test     ? SplitPart::validation
                                              : SplitPart::test)
          .push_back(members[static_cast<std::size_t>(i)].second);
  }
  for (auto* part : {&split.train, &split.validation, &split.test}) std::sort(part->begin(), part->end());
  return split;
}

void require_every_class(const Table& table, const Split& split) {
  std::vector<std::int64_t> in_train(table.labels.size()), in_all(table.labels.size());
  const std::int64_t* target = table.target.const_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < table.rows(); ++row) ++in_all[static_cast<std::size_t>(target[row])];
  for (std::int64_t row : split.train) ++in_train[static_cast<std::size_t>(target[row])];
  for (std::size_t c = 0; c < in_train.size(); ++c)
    require_class(table.labels[c], table.target_names.at(0), in_train[c], in_all[c]);
}

}  // namespace

Split make_split(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  const bool classification = table.has_classes();
  Split split = config.stratify && classification ? split_by_class(config, table, seed)
                                                  : split_by_hash(config, table, seed);
  require_training_rows(config, static_cast<std::int64_t>(split.train.size()), table.rows());
  if (classification) require_every_class(table, split);
  return split;
}

}  // namespace ringtrain
