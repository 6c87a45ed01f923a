#pragma once

#include <string>
#include <string_view>

namespace ringtrain {

/// `text` as it is shown in an error: in quotes, on one line, shortened.
std::string excerpt(std::string_view text);

}  // namespace ringtrain
