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
constexpr std::uint64_t group_stream = 0x67726f7570;  // "group"

std::int64_t remainder(std::int64_t number, std::int64_t divisor) {
  return (number % divisor + divisor) % divisor;
}

/// Rows of a class are dealt to the folds evenly; those that are left over begin where the class before
/// ended.
ClassShares shares_of_fold(const SplitConfig& config, std::int64_t rows, std::int64_t rows_before) {
  const auto folds = config.folds, fold = config.fold - 1;
  const auto has_more = [&](std::int64_t one) { return remainder(one - rows_before, folds) < rows % folds; };
  std::int64_t begin = 0, size = 0;
  for (std::int64_t one = 0; one <= fold; ++one) {
    begin += size;
    size = rows / folds + (has_more(one) ? 1 : 0);
  }
  const auto rest = rows - size;
  const auto trained = rest - std::llround(static_cast<double>(rest) * config.validation_of_rest());
  return {trained < begin ? trained : trained + size, begin, begin + size};
}

}  // namespace

std::uint64_t split_hash(std::int64_t row, std::uint64_t seed) {
  return seed_of({seed, split_stream, static_cast<std::uint64_t>(row)});
}

std::uint64_t group_place(std::uint64_t value_hash, std::uint64_t seed) {
  return seed_of({seed, group_stream, value_hash});
}

std::uint64_t seed_of_repeat(const SplitConfig& config, std::uint64_t seed) {
  return config.repeat == 1 ? seed : seed_of({seed, split_stream, static_cast<std::uint64_t>(config.repeat)});
}

SplitPart part_by_hash(const SplitConfig& config, std::uint64_t hash) {
  // The last part that is not empty takes the rest, whatever rounding left of the sum.
  const double to_validation = config.validation + config.test > 0 ? config.train : 2;
  const double to_test = config.test > 0 ? config.train + config.validation : 2;
  const double place = static_cast<double>(hash >> 11) * 0x1.0p-53;
  return place < to_validation ? SplitPart::train : place < to_test ? SplitPart::validation : SplitPart::test;
}

ClassShares shares_of_class(const SplitConfig& config, std::int64_t rows, std::int64_t rows_before) {
  if (config.folds > 0) return shares_of_fold(config, rows, rows_before);
  const auto count = static_cast<double>(rows);
  return {std::llround(count * config.train),
          std::min<std::int64_t>(rows, std::llround(count * (config.train + config.validation))), rows};
}

std::string far_from_shares(const SplitConfig& config, const std::array<std::int64_t, 3>& rows,
                            const std::string& why) {
  constexpr double most = 0.05;
  const auto all = static_cast<double>(rows[0] + rows[1] + rows[2]);
  const auto share = [&](std::size_t part) { return static_cast<double>(rows[part]) / all; };
  std::array<double, 3> asked{config.train, config.validation, config.test};
  if (config.folds > 0) {
    // Of an expanding window the test part's share is another in each fold.
    asked[2] = config.time.empty() ? 1.0 / static_cast<double>(config.folds) : share(2);
    asked[1] = (1 - asked[2]) * config.validation_of_rest();
    asked[0] = 1 - asked[1] - asked[2];
  }
  bool far = false;
  for (std::size_t part = 0; part < rows.size(); ++part) far |= std::abs(share(part) - asked[part]) > most;
  if (!far) return "";
  return fmt::format(
      "{}: train, validation and test have {:.1f}%, {:.1f}% and {:.1f}% of the rows in place of {:.1f}%, "
      "{:.1f}% and {:.1f}%",
      why, 100 * share(0), 100 * share(1), 100 * share(2), 100 * asked[0], 100 * asked[1], 100 * asked[2]);
}

void require_rows(const SplitConfig& config, std::int64_t training_rows, std::int64_t test_rows,
                  std::int64_t rows) {
  if (config.folds > 0 && test_rows == 0)
    throw DataError(fmt::format(
        "fold {} of {} has no row: {} rows do not make so many folds{}; set fewer data.split.folds",
        config.fold, config.folds, rows,
        !config.group.empty()  ? " of whole groups (data.split.group)"
        : !config.time.empty() ? " of whole times (data.split.time)"
                               : ""));
  if (training_rows > 0) return;
  if (config.group.empty() && config.time.empty() && config.folds == 0)
    throw DataError(
        fmt::format("the training part is empty: data.split.train is {} of {} rows", config.train, rows));
  throw DataError(fmt::format(
      "the training part is empty: data.split.{} leaves it none of the {} rows; raise data.split.train",
      !config.group.empty()  ? "group"
      : !config.time.empty() ? "time"
                             : "folds",
      rows));
}

void require_class(const SplitConfig& config, const std::string& label, const std::string& target,
                   std::int64_t training_rows, std::int64_t rows) {
  if (training_rows > 0) return;
  const auto& column = !config.group.empty() ? config.group : config.time;
  throw DataError(fmt::format(
      "the class '{}' of column '{}' has {} row{} in the file and none in the training part. Raise "
      "data.split.train, {}, or remove the class",
      label, target, rows, rows == 1 ? "" : "s",
      column.empty() ? std::string("set data.split.stratify: true")
                     : fmt::format("split otherwise than by '{}' (data.split.{})", column,
                                   config.group.empty() ? "time" : "group")));
}

}  // namespace ringtrain
