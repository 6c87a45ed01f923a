#pragma once

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

}  // namespace ringtrain
