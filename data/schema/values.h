#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a field of a data file means. Training and prediction use the same rules.
namespace ringtrain {

/// The texts that stand for a missing value: "", "NA", "NaN", "null" and their usual spellings.
const std::vector<std::string>& missing_spellings();
bool is_missing(std::string_view text);

/// The number that `text` is, blanks around it aside; nothing when it is none. "nan" is a number here, and so
/// is "inf".
std::optional<double> parse_number(std::string_view text);

/// `text` as it is shown in an error: in quotes, on one line, shortened.
std::string excerpt(std::string_view text);

}  // namespace ringtrain
