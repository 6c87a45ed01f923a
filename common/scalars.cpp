#include "common/scalars.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace ringtrain::config {
namespace {

template <class Number>
bool parse_all(std::string_view text, Number& value) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool parse_number(std::string_view text, double& value) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (text == ".nan" || text == ".NaN") return value = std::numeric_limits<double>::quiet_NaN(), true;
  if (text == ".inf" || text == "+.inf") return value = infinity, true;
  if (text == "-.inf") return value = -infinity, true;
  // from_chars would also take "inf", "nan" and "infinity", which are plain words in YAML.
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return false;
  return parse_all(text, value);
}

bool parse_whole_number(std::string_view text, std::int64_t& value) {
  if (parse_all(text, value)) return true;
  double number = 0;
  constexpr double exact = 9007199254740992.0;  // 2^53: below it a double holds each whole number
  if (!parse_number(text, number) || std::abs(number) > exact || number != std::floor(number)) return false;
  value = static_cast<std::int64_t>(number);
  return true;
}

std::string number_text(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  std::array<char, 32> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

}  // namespace ringtrain::config
