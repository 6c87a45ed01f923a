#pragma once

#include <string>
#include <string_view>

namespace ringtrain {

/// What a text shows of the decimal mark.
enum class NumberForm {
  none,   ///< no number
  whole,  ///< a number that shows none: 12, 1e5, and 1,234 or 1.234, where the mark may stand between
          ///< thousands
  dot,    ///< 12.5, 1,234.5
  comma   ///< 12,5, 1.234,5
};

NumberForm number_form(std::string_view text);

/// A number of a file with decimal commas, with a point; `buffer` holds it. Other texts stay as they are.
std::string_view with_point(std::string_view text, std::string& buffer);

}  // namespace ringtrain
