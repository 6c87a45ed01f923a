#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/table/table.h"

namespace ringtrain {

/// The classes of a target column, in order, and which one each of the distinct texts `words` means.
struct Classes {
  std::vector<std::string> labels;
  std::vector<std::int64_t> of_word;
};

/// Words are those of a Reading: 1 and 1.0 are one. Whole numbers are sorted by value, everything else, and 007,
/// by text. `version`: of the reading; in the first one 007 was 7.
Classes name_classes(const std::vector<std::string>& words, int version = 2);

/// Numbers a table's classes as `labels` does: classes are found by their names. Throws DataError that names
/// the row of a class that is not among them; `file` is named in it.
void use_labels(Table& table, const std::vector<std::string>& labels, const std::string& file);

}  // namespace ringtrain
