#pragma once

#include <cstdint>
#include <vector>

#include "data/data_config.h"
#include "data/table/table.h"

namespace ringtrain {

/// Row numbers of the three parts, each ascending. Disjoint; together all rows.
struct Split {
  std::vector<std::int64_t> train, validation, test;
};

/// A pure function of (row, seed): a row's part does not depend on ranks or machine. Unstratified, each row's
/// hash decides, so appended rows do not move the others. Stratified, each class is split by the order of its
/// rows' hashes, so that each part has its share of every class to within one row. Throws DataError when the
/// training part would be empty, or when a class of a classification target has no row in it.
Split make_split(const SplitConfig& config, const Table& table, std::uint64_t seed);

}  // namespace ringtrain
