#pragma once

#include <ATen/core/Tensor.h>

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

/// Words are those of a Reading: 1 and 1.0 are one. Whole numbers are sorted by value, everything else, and
/// 007, by text. `version`: of the reading; in the first one 007 was 7.
Classes name_classes(const std::vector<std::string>& words, int version = 2);

/// Numbers a table's classes as `labels` does: classes are found by their names. Throws DataError that names
/// the row of a class that is not among them; `file` is named in it.
void use_labels(Table& table, const std::vector<std::string>& labels, const std::string& file);

/// The names of two classes in the order in which `positive` is the second one, class 1. A number may be
/// written in another way than the class is named ("1.0"). Throws ConfigError that lists the two when it is
/// neither of them.
std::vector<std::string> with_positive(const std::vector<std::string>& labels, const std::string& positive);

/// How many of the names are numbers that are not whole ("0.25"); 0 when one of them is no number at all:
/// then they are words.
std::int64_t count_decimals(const std::vector<std::string>& labels);

/// "a, b, c" of the first `most` names, and how many more there are.
std::string shortened(const std::vector<std::string>& labels, std::size_t most = 12);

}  // namespace ringtrain
