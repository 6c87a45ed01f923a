#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// How numbers are written in the configuration. Private to common/.
namespace ringtrain::config {

/// Reads 3, -1.5, 1e-3, .5, .inf, .nan (YAML's words); false for anything else.
bool parse_number(std::string_view text, double& value);

/// Reads 3, -4, and floats that are whole numbers such as 1e3; false for anything else and beyond 64 bits.
bool parse_whole_number(std::string_view text, std::int64_t& value);

/// The shortest text that reads back to the same number.
std::string number_text(double value);

}  // namespace ringtrain::config
