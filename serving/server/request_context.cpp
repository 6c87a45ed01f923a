#include "serving/server/request_context.h"

#include <algorithm>

#include "common/files.h"

namespace ringtrain {

std::string request_id(std::string_view given) {
  constexpr std::size_t most = 128;
  const bool visible = std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return !given.empty() && given.size() <= most && visible ? std::string(given) : unique_word();
}

std::string well_formed_traceparent(std::string_view given) {
  // version, trace, parent, flags; what is all zeros, and version ff, are none
  constexpr std::string_view form = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (given.size() < form.size() || given.size() > 128) return "";
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == 'x' ? !is_hex(given[i]) : given[i] != '-') return "";
  const auto version = given.substr(0, 2), trace = given.substr(3, 32), parent = given.substr(36, 16);
  const auto is_zero = [](std::string_view digits) {
    return digits.find_first_not_of('0') == std::string_view::npos;
  };
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return "";
  // A later version may be longer, behind one more dash.
  if (given.size() > form.size() && (version == "00" || given[form.size()] != '-')) return "";
  const bool clean = std::all_of(given.begin(), given.end(), [&](char c) { return is_hex(c) || c == '-'; });
  return clean ? std::string(given) : "";
}

}  // namespace ringtrain
