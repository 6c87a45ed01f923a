#pragma once

#include <string>
#include <string_view>

namespace ringtrain::config {

/// "KEY=VALUE", as yaml_reader.h takes it, of which the value is read as just this text whatever it looks
/// like: "tok #1", "~", "[1]", "::", with line breaks. For options of the command line that have a name of
/// their own.
std::string literal_override(std::string_view key, std::string_view text);

/// The same for a field that is a number: "8501"; what is none is a text, and refused by the reader.
std::string number_override(std::string_view key, std::string_view text);

}  // namespace ringtrain::config
