#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trainer/checks/columns.h"

namespace ringtrain::checks {

/// A column that tells rows apart instead of saying something of them.
struct Identifier {
  std::size_t column = 0;
  std::string why;  ///< "all values are different, and it is called so"
};

/// Columns of whole numbers of which all are different, that are called id, count on without gaps, or rise
/// with the rows; and words of which nearly every row has its own. Of a sample of the rows too.
std::vector<Identifier> identifiers_of(const Columns& columns);

}  // namespace ringtrain::checks
