#pragma once

#include <string>
#include <string_view>

namespace ringtrain {

/// The pattern (common/text.h) that `name` alone matches: a star becomes `\*`.
std::string as_pattern(std::string_view name);

}  // namespace ringtrain
