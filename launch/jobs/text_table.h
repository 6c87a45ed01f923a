#pragma once

#include <string>
#include <vector>

namespace ringtrain {

/// Lines of a table for a person: columns as wide as they need to be, the first one to the left, the others
/// to the right, two blanks between them. An empty row is a line of dashes.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

/// A number with six digits, "-" where it is NaN.
std::string table_number(double value);

}  // namespace ringtrain
