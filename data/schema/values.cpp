#include "data/schema/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ringtrain {

const std::vector<std::string>& missing_spellings() {
  static const std::vector<std::string> spellings{"",     "#N/A", "#N/A N/A", "#NA",  "-NaN",
                                                  "-nan", "N/A",  "NA",       "NULL", "NaN",
                                                  "NAN",  "n/a",  "nan",      "null", "<NA>"};
  return spellings;
}

bool is_missing(std::string_view text) {
  if (text.size() > 8) return false;
  const auto& all = missing_spellings();
  return std::find(all.begin(), all.end(), text) != all.end();
}

std::optional<double> parse_number(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string shown(text.substr(0, longest));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return fmt::format("'{}{}'", shown, text.size() > longest ? "..." : "");
}

}  // namespace ringtrain
