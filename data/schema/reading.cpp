#include "data/schema/reading.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>

namespace ringtrain {
namespace {

constexpr double kExact = 9007199254740992.0;  // 2^53

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// The length of the blank that a text begins with: 0 for none.
std::size_t blank_at_front(std::string_view text) {
  if (text.empty()) return 0;
  const char c = text.front();
  if (c == ' ' || (c >= '\t' && c <= '\r')) return 1;
  if (text.starts_with("\xC2\xA0")) return 2;                                          // no-break space
  if (text.starts_with("\xE3\x80\x80") || text.starts_with("\xEF\xBB\xBF")) return 3;  // ideographic; a BOM
  return 0;
}

std::size_t blank_at_back(std::string_view text) {
  for (std::size_t size = 1; size <= 3 && size <= text.size(); ++size)
    if (blank_at_front(text.substr(text.size() - size)) == size) return size;
  return 0;
}

bool is_true(std::string_view text) { return text == "true" || text == "True" || text == "TRUE"; }
bool is_false(std::string_view text) { return text == "false" || text == "False" || text == "FALSE"; }

/// Whether `text` is a whole number that float64 does not hold.
bool loses_digits(std::string_view text, double value) {
  if (!(std::abs(value) >= kExact)) return false;
  const auto digits = text.substr(text.front() == '-' ? 1 : 0);
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return false;
  // A double this large is whole: its digits are those of the text, or it is another number.
  std::array<char, 400> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                          std::chars_format::fixed, 0);
  if (error != std::errc()) return true;
  const auto first = std::min(digits.find_first_not_of('0'), digits.size());
  return digits.substr(first) != std::string_view(buffer.data(), end);
}

/// -?digits[.digits] without a needless 0 at the front.
bool is_plain_number(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return false;
  if (!std::all_of(whole.begin(), whole.end(), is_digit)) return false;
  if (point == std::string_view::npos) return true;
  const auto part = text.substr(point + 1);
  return !part.empty() && std::all_of(part.begin(), part.end(), is_digit);
}

/// A plain number in the shortest way: without zeros behind the point.
std::string_view shortest(std::string_view text) {
  if (text.find('.') != std::string_view::npos) {
    while (text.back() == '0') text.remove_suffix(1);
    if (text.back() == '.') text.remove_suffix(1);
  }
  return text == "-0" ? text.substr(1) : text;
}

template <class Float>
std::string shortest_digits(Float value) {
  std::array<char, 512> buffer{};
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return std::string(shortest({buffer.data(), static_cast<std::size_t>(end - buffer.data())}));
}

/// Composes; an error for what is no UTF-8.
Word composed(std::string_view text) {
  utf8proc_uint8_t* result = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &result,
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(result, &std::free);
  if (size < 0) return {std::string(text), ValueState::not_utf8};
  return {std::string(reinterpret_cast<const char*>(result), static_cast<std::size_t>(size)),
          ValueState::good};
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (const auto size = blank_at_front(text)) text.remove_prefix(size);
  while (const auto size = blank_at_back(text)) text.remove_suffix(size);
  return text;
}

const std::vector<std::string>& ReadingRules::usual_missing() {
  static const std::vector<std::string> spellings{"#N/A", "#N/A N/A", "#NA", "-NaN", "-nan", "N/A",  "NA",
                                                  "NULL", "NaN",      "NAN", "n/a",  "nan",  "null", "<NA>"};
  return spellings;
}

Reading::Reading(const ReadingRules& rules) : version_(rules.version) {
  for (const auto& spelling : rules.missing) {
    missing_.insert(spelling);
    longest_missing_ = std::max(longest_missing_, spelling.size());
    double value = 0;
    const auto [end, error] = std::from_chars(spelling.data(), spelling.data() + spelling.size(), value);
    if (error == std::errc() && end == spelling.data() + spelling.size() && std::isfinite(value))
      missing_numbers_.push_back(value);
  }
}

bool Reading::is_missing(std::string_view text) const {
  return text.empty() || (text.size() <= longest_missing_ && missing_.contains(text));
}

Number Reading::checked(double value) const {
  if (std::isnan(value)) return {value, ValueState::missing};
  if (std::isinf(value)) return {value, ValueState::infinite};
  if (std::find(missing_numbers_.begin(), missing_numbers_.end(), value) != missing_numbers_.end())
    return {NAN, ValueState::missing};
  return {value, ValueState::good};
}

Number Reading::number(std::string_view whole) const {
  std::string_view text = trimmed(whole);
  if (text.size() > 1 && text[0] == '+' && (is_digit(text[1]) || text[1] == '.')) text.remove_prefix(1);
  double value = 0;
  const char* const stop = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), stop, value);
  if (end == stop && !text.empty()) {
    if (error == std::errc::result_out_of_range) value = std::strtod(std::string(text).c_str(), nullptr);
    if (error == std::errc() && loses_digits(text, value) && checked(value).state == ValueState::good)
      return {value, ValueState::inexact};
    if (error == std::errc() || error == std::errc::result_out_of_range) return checked(value);
  }
  if (is_missing(text)) return {NAN, ValueState::missing};
  if (is_true(text)) return number(true);
  if (is_false(text)) return number(false);
  return {NAN, ValueState::not_a_number};
}

Number Reading::number(double value) const { return checked(value); }

Number Reading::number(std::int64_t value) const {
  const auto near = static_cast<double>(value);
  if (std::abs(near) >= kExact && static_cast<__int128>(near) != value) return {near, ValueState::inexact};
  return checked(near);
}

Number Reading::number(std::uint64_t value) const {
  const auto near = static_cast<double>(value);
  if (near >= kExact && static_cast<unsigned __int128>(near) != value) return {near, ValueState::inexact};
  return checked(near);
}

Word Reading::word(std::string_view whole) const {
  if (version_ < 2) {
    if (is_missing(whole)) return {"", ValueState::missing};
    auto word = composed(whole);
    word.text = whole;
    return word;
  }
  const std::string_view text = trimmed(whole);
  if (is_missing(text)) return {"", ValueState::missing};
  if (is_true(text)) return {"true", ValueState::good};
  if (is_false(text)) return {"false", ValueState::good};
  if (is_plain_number(text)) {
    std::string canonical(shortest(text));
    if (!missing_numbers_.empty() && number(text).state == ValueState::missing)
      return {"", ValueState::missing};
    return {std::move(canonical), ValueState::good};
  }
  if (is_ascii(text)) return {std::string(text), ValueState::good};
  auto word = composed(text);
  if (is_missing(word.text)) return {"", ValueState::missing};
  return word;
}

Word Reading::word(double value) const {
  if (checked(value).state == ValueState::missing) return {"", ValueState::missing};
  return {shortest_digits(value), ValueState::good};
}

Word Reading::word(float value) const {
  if (checked(value).state == ValueState::missing) return {"", ValueState::missing};
  return {shortest_digits(value), ValueState::good};
}

Word Reading::word(std::int64_t value) const { return word(std::string_view(std::to_string(value))); }
Word Reading::word(std::uint64_t value) const { return word(std::string_view(std::to_string(value))); }

}  // namespace ringtrain
