#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/table/table.h"

namespace ringtrain {

/// Row numbers of the three parts, each ascending. Disjoint; together all rows (of folds by time all that are
/// not newer than the fold).
struct Split {
  std::vector<std::int64_t> train, validation, test;
  std::string warning{};  ///< where the parts are not what was asked for, in a sentence; else ""
};

/// A pure function of (rows, seed): a row's part does not depend on ranks or machine. Unstratified, each
/// row's hash decides, so appended rows do not move the others. Stratified, each class is split by the order
/// of its rows' hashes, so that each part has its share of every class to within one row. With folds each
/// class (or all rows, where nothing is stratified) is dealt out in that order. By group: group_split.h; by
/// time: time_split.h. Throws DataError when the training part would be empty, when a class of a
/// classification target has no row in it, and when a fold is empty.
Split make_split(const SplitConfig& config, const Table& table, std::uint64_t seed);

}  // namespace ringtrain
