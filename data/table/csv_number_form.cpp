#include "data/table/csv_number_form.h"

#include <algorithm>

namespace ringtrain {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  const auto stop = std::find_if_not(text.begin(), text.end(), is_digit) - text.begin();
  const auto digits = text.substr(0, static_cast<std::size_t>(stop));
  text.remove_prefix(digits.size());
  return digits;
}

bool is_exponent_or_nothing(std::string_view text) {
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return !take_digits(text).empty() && text.empty();
}

/// Takes ,234,567 off `text`; how many groups there were.
std::size_t take_groups(std::string_view& text, char mark) {
  std::size_t groups = 0;
  while (text.size() > 3 && text[0] == mark && is_digit(text[1]) && is_digit(text[2]) && is_digit(text[3]) &&
         (text.size() == 4 || !is_digit(text[4]))) {
    text.remove_prefix(4);
    ++groups;
  }
  return groups;
}

}  // namespace

NumberForm number_form(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const auto whole = take_digits(text);
  if (text.empty() || is_exponent_or_nothing(text))
    return whole.empty() ? NumberForm::none : NumberForm::whole;
  const char mark = text[0];
  if (mark != '.' && mark != ',') return NumberForm::none;
  const auto of = [](char decimal) { return decimal == ',' ? NumberForm::comma : NumberForm::dot; };

  // 1,234 and 1,234,567 may be thousands; then 1,234.5 shows the other mark.
  if (!whole.empty() && whole.size() <= 3 && whole[0] != '0') {
    auto rest = text;
    if (take_groups(rest, mark) > 0) {
      if (rest.empty()) return NumberForm::whole;
      const char other = mark == ',' ? '.' : ',';
      if (rest[0] == other) {
        rest.remove_prefix(1);
        take_digits(rest);
        return is_exponent_or_nothing(rest) ? of(other) : NumberForm::none;
      }
    }
  }
  text.remove_prefix(1);
  const auto decimals = take_digits(text);
  if (whole.empty() && decimals.empty()) return NumberForm::none;
  return is_exponent_or_nothing(text) ? of(mark) : NumberForm::none;
}

std::string_view with_point(std::string_view text, std::string& buffer) {
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) return text;
  const bool digits = text.find_first_not_of("0123456789+-eE, ") == std::string_view::npos &&
                      text.find(',', comma + 1) == std::string_view::npos;
  if (!digits) return text;
  buffer = text;
  buffer[comma] = '.';
  return buffer;
}

}  // namespace ringtrain
