#include "data/order/split_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/hash.h"

namespace ringtrain {
namespace {

/// A stream of hashes of its own, so that the split shares nothing with the sampler's permutations.
constexpr std::uint64_t split_stream = 0x73706c6974;  // "split"

}  // namespace

std::uint64_t split_hash(std::int64_t row, std::uint64_t seed) {
  return seed_of({seed, split_stream, static_cast<std::uint64_t>(row)});
}

SplitPart part_by_hash(const SplitConfig& config, std::uint64_t hash) {
  // The last part that is not empty takes the rest, whatever rounding left of the sum.
  const double to_validation = config.validation + config.test > 0 ? config.train : 2;
  const double to_test = config.test > 0 ? config.train + config.validation : 2;
  const double place = static_cast<double>(hash >> 11) * 0x1.0p-53;
  return place < to_validation ? SplitPart::train : place < to_test ? SplitPart::validation : SplitPart::test;
}

ClassShares shares_of_class(const SplitConfig& config, std::int64_t rows) {
  const auto count = static_cast<double>(rows);
  return {std::llround(count * config.train),
          std::min<std::int64_t>(rows, std::llround(count * (config.train + config.validation)))};
}

void require_training_rows(const SplitConfig& config, std::int64_t training_rows, std::int64_t rows) {
  if (training_rows == 0)
    throw DataError(
        fmt::format("the training part is empty: data.split.train is {} of {} rows", config.train, rows));
}

void require_class(const std::string& label, const std::string& target, std::int64_t training_rows,
                   std::int64_t rows) {
  if (training_rows == 0)
    throw DataError(fmt::format(
        "the class '{}' of column '{}' has {} row{} in the file and none in the training part. Raise "
        "data.split.train, set data.split.stratify: true, or remove the class",
        label, target, rows, rows == 1 ? "" : "s"));
}

}  // namespace ringtrain
