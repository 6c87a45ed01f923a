#include "data/order/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/errors.h"
#include "common/hash.h"

namespace ringtrain {
namespace {

/// A stream of hashes of its own, so that the split shares nothing with the sampler's permutations.
constexpr std::uint64_t split_stream = 0x73706c6974;  // "split"

std::uint64_t hash_of(std::int64_t row, std::uint64_t seed) {
  return seed_of({seed, split_stream, static_cast<std::uint64_t>(row)});
}

Split split_by_hash(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  // The last part that is not empty takes the rest, whatever rounding left of the sum.
  const double to_validation = config.validation + config.test > 0 ? config.train : 2;
  const double to_test = config.test > 0 ? config.train + config.validation : 2;
  Split split;
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    const double place = static_cast<double>(hash_of(table.file_row(row), seed) >> 11) * 0x1.0p-53;
    (place < to_validation ? split.train : place < to_test ? split.validation : split.test).push_back(row);
  }
  return split;
}

Split split_by_class(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  std::vector<std::vector<std::pair<std::uint64_t, std::int64_t>>> classes(table.labels.size());
  const std::int64_t* target = table.target.const_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < table.rows(); ++row)
    classes[static_cast<std::size_t>(target[row])].emplace_back(hash_of(table.file_row(row), seed), row);
  Split split;
  for (auto& members : classes) {
    std::sort(members.begin(), members.end());
    const auto count = static_cast<double>(members.size());
    const auto to_validation = static_cast<std::size_t>(std::llround(count * config.train));
    const auto to_test = std::min(
        members.size(), static_cast<std::size_t>(std::llround(count * (config.train + config.validation))));
    for (std::size_t i = 0; i < members.size(); ++i)
      (i < to_validation ? split.train
       : i < to_test     ? split.validation
                         : split.test)
          .push_back(members[i].second);
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
    if (in_train[c] == 0)
      throw DataError(fmt::format(
          "the class '{}' of column '{}' has {} row{} in the file and none in the training part. Raise "
          "data.split.train, set data.split.stratify: true, or remove the class",
          table.labels[c], table.target_names.at(0), in_all[c], in_all[c] == 1 ? "" : "s"));
}

}  // namespace

Split make_split(const SplitConfig& config, const Table& table, std::uint64_t seed) {
  const bool classification = table.has_classes();
  Split split = config.stratify && classification ? split_by_class(config, table, seed)
                                                  : split_by_hash(config, table, seed);
  if (split.train.empty())
    throw DataError(fmt::format("the training part is empty: data.split.train is {} of {} rows", config.train,
                                table.rows()));
  if (classification) require_every_class(table, split);
  return split;
}

}  // namespace ringtrain
