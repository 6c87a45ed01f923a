#pragma once

#include <array>
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

/// A group's place among all, by the hash of its value (hash_bytes).
std::uint64_t group_place(std::uint64_t value_hash, std::uint64_t seed);

/// The seed of a drawing of the folds; the first one is that of the run.
std::uint64_t seed_of_repeat(const SplitConfig& config, std::uint64_t seed);

/// The parts of a class by the places of its rows in the order of their hashes (then of their numbers): from
/// `to_test` to `to_end` the test part; else before `to_validation` the training part, and the rest
/// validation.
struct ClassShares {
  std::int64_t to_validation, to_test, to_end;
  SplitPart part(std::int64_t place) const {
    return place >= to_test && place < to_end ? SplitPart::test
           : place < to_validation            ? SplitPart::train
                                              : SplitPart::validation;
  }
};
/// Of a class of `rows`. With folds the classes are dealt out one after another: `rows_before` are those of
/// the classes before it, so that folds differ by one row at most, of each class and of all.
ClassShares shares_of_class(const SplitConfig& config, std::int64_t rows, std::int64_t rows_before);

/// "" or that the rows of the three parts are not what was asked for, by more than a twentieth of all, in a
/// sentence that begins with `why`.
std::string far_from_shares(const SplitConfig& config, const std::array<std::int64_t, 3>& rows,
                            const std::string& why);

/// Throws DataError where the training part has no row, and, with folds, where the test part has none.
void require_rows(const SplitConfig& config, std::int64_t training_rows, std::int64_t test_rows,
                  std::int64_t rows);
/// Throws DataError for a class that it lacks. `target`: the column.
void require_class(const SplitConfig& config, const std::string& label, const std::string& target,
                   std::int64_t training_rows, std::int64_t rows);

}  // namespace ringtrain
