#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ringtrain {

/// The classes of a target column, in order, and which one each of the distinct texts `words` means.
struct Classes {
  std::vector<std::string> labels;
  std::vector<std::int64_t> of_word;
};

/// Whole numbers (0, 1.0, "2") are sorted by value and named by their integer, so that 1 and 1.0 are one
/// class; everything else is sorted by text.
Classes name_classes(const std::vector<std::string>& words);

/// The names of two classes in the order in which `positive` is the second one, class 1. A number may be
/// written in another way than the class is named ("1.0"). Throws ConfigError that lists the two when it is
/// neither of them.
std::vector<std::string> with_positive(const std::vector<std::string>& labels, const std::string& positive);

/// Gives classes another order: `labels` become `order`, and the class numbers in `target` (int64) follow, by
/// name. Throws DataError that lists both when they do not have the same names.
void order_classes(const std::vector<std::string>& order, std::vector<std::string>& labels,
                   const at::Tensor& target);

/// How many of the names are numbers that are not whole ("0.25"); 0 when one of them is no number at all:
/// then they are words.
std::int64_t count_decimals(const std::vector<std::string>& labels);

/// "a, b, c" of the first `most` names, and how many more there are.
std::string shortened(const std::vector<std::string>& labels, std::size_t most = 12);

}  // namespace ringtrain
