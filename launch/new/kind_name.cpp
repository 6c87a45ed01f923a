#include "launch/new/kind_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace ringtrain {
namespace {

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

}  // namespace

std::string kind_name(const std::string& typed) {
  std::string name;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    const auto c = static_cast<unsigned char>(typed[i]);
    const bool large = std::isupper(c) != 0;
    // "HTTPServer" is http_server: a word begins where a small letter is before or behind.
    const bool begins =
        large && i > 0 && std::isalnum(static_cast<unsigned char>(typed[i - 1])) != 0 &&
        (std::isupper(static_cast<unsigned char>(typed[i - 1])) == 0 ||
         (i + 1 < typed.size() && std::islower(static_cast<unsigned char>(typed[i + 1])) != 0));
    if (begins) name += '_';
    name += c == '-' ? '_' : static_cast<char>(std::tolower(c));
  }
  return name;
}

std::string problem_of_name(const std::string& name) {
  // They mean something else to CMake's targets, or to YAML.
  static const std::vector<std::string> reserved = {"all",       "clean", "help", "install", "package",
                                                    "ringtrain", "test",  "true", "false",   "yes",
                                                    "no",        "on",    "off",  "null"};
  const auto fits = [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || !is_letter(name.front()) || name.back() == '_' ||
      name.find("__") != std::string::npos || !std::all_of(name.begin(), name.end(), fits))
    return "is no name: letters, digits and single underscores, a letter first, such as two_towers";
  if (std::find(reserved.begin(), reserved.end(), name) != reserved.end())
    return fmt::format("means something else to CMake or YAML; take another name, such as my_{}", name);
  if (name.size() > 60) return "is longer than 60 letters";
  return "";
}

std::string class_name(const std::string& name) {
  std::string text;
  bool large = true;
  for (const char c : name) {
    if (c != '_') text += large ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    large = c == '_';
  }
  return text;
}

}  // namespace ringtrain
