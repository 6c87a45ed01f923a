#pragma once

#include <cstdint>
#include <string>

#include "data/data_config.h"

namespace ringtrain {

enum class SplitPart { train, validation, test };

/// A row's place among all, by which the split is decided: the same on every machine. `row`: its number among
/// all rows of the table, from 0.
std::uint64_t split_hash(std::int64_t row, std::uint64_t seed);

/// The part of a row by its hash alone, so that appended rows do not move the others.
SplitPart part_by_hash(const SplitConfig& config, std::uint64_t hash);

/// How many rows of a class of `rows`, in the order of their hashes (then of their numbers), are the training
/// part's, and how many the first two parts'.
struct ClassShares {
  std::int64_t to_validation, to_test;
};
ClassShares shares_of_class(const SplitConfig& config, std::int64_t rows);

/// Throws DataError where the training part has no row.
void require_training_rows(const SplitConfig& config, std::int64_t training_rows, std::int64_t rows);
/// Throws DataError for a class that it lacks. `target`: the column.
void require_class(const std::string& label, const std::string& target, std::int64_t training_rows,
                   std::int64_t rows);

}  // namespace ringtrain
