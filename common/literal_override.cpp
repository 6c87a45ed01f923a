#include "common/literal_override.h"

#include <fmt/format.h>

#include "common/scalars.h"

namespace ringtrain::config {

std::string literal_override(std::string_view key, std::string_view text) {
  std::string result = fmt::format("{}=\"", key);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      result += fmt::format("\\{}", c);
    else if (byte < 0x20 || byte == 0x7f)  // line breaks would be folded, and byte 4 ends yaml-cpp's input
      result += fmt::format("\\x{:02x}", byte);
    else
      result += c;
  }
  return result + '"';
}

std::string number_override(std::string_view key, std::string_view text) {
  double number = 0;
  return parse_number(text, number) ? fmt::format("{}={}", key, text) : literal_override(key, text);
}

}  // namespace ringtrain::config
