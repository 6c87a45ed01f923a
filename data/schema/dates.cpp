#include "data/schema/dates.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace ringtrain {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes what it knows from the front of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// One of `choices`, or '\0'.
  char take_any(std::string_view choices) {
    if (rest_.empty() || choices.find(rest_.front()) == std::string_view::npos) return '\0';
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }
  /// A number of `least` to `most` digits, all that there are.
  std::optional<int> number(std::size_t least, std::size_t most) {
    std::size_t size = 0;
    int value = 0;
    for (; size < rest_.size() && size < most && is_digit(rest_[size]); ++size)
      value = 10 * value + (rest_[size] - '0');
    if (size < least) return std::nullopt;
    rest_.remove_prefix(size);
    return value;
  }
  /// Digits as the fraction behind a point.
  std::optional<double> fraction() {
    double value = 0, place = 1;
    bool any = false;
    while (!rest_.empty() && is_digit(rest_.front())) {
      value += (rest_.front() - '0') * (place /= 10);
      rest_.remove_prefix(1);
      any = true;
    }
    return any ? std::optional(value) : std::nullopt;
  }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::year_month_day> take_day(Cursor& cursor, bool& whole) {
  const auto year = cursor.number(4, 4);
  if (!year || *year < 1) return std::nullopt;
  const char separator = cursor.take_any("-/");
  if (separator == '\0') return std::nullopt;
  const auto month = cursor.number(1, 2);
  if (!month) return std::nullopt;
  int day = 1;
  whole = cursor.take(separator);
  if (whole) {
    const auto written = cursor.number(1, 2);
    if (!written) return std::nullopt;
    day = *written;
  } else if (separator != '-') {
    return std::nullopt;
  }
  const std::chrono::year_month_day result{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
  return result.ok() ? std::optional(result) : std::nullopt;
}

/// Seconds since midnight: 0 to 86,400.
std::optional<double> take_time(Cursor& cursor) {
  const auto hour = cursor.number(2, 2);
  if (!hour || !cursor.take(':')) return std::nullopt;
  const auto minute = cursor.number(2, 2);
  if (!minute) return std::nullopt;
  double second = 0;
  if (cursor.take(':')) {
    const auto whole = cursor.number(2, 2);
    if (!whole) return std::nullopt;
    second = *whole;
    if (cursor.take_any(".,") != '\0') {
      const auto fraction = cursor.fraction();
      if (!fraction) return std::nullopt;
      second += *fraction;
    }
  }
  const bool midnight = *hour == 24 && *minute == 0 && second == 0;
  if ((*hour > 23 && !midnight) || *minute > 59 || second >= 61) return std::nullopt;
  return *hour * 3600 + *minute * 60 + (second >= 60 ? 60 : second);
}

/// Seconds that the clock on the wall is ahead of UTC; 0 where nothing stands.
std::optional<double> take_offset(Cursor& cursor) {
  cursor.take(' ');
  if (cursor.take_any("Zz") != '\0' || cursor.done()) return 0;
  const char sign = cursor.take_any("+-");
  if (sign == '\0') return std::nullopt;
  const auto hours = cursor.number(2, 2);
  if (!hours) return std::nullopt;
  int minutes = 0;
  const bool colon = cursor.take(':');
  if (colon || !cursor.done()) {
    const auto written = cursor.number(2, 2);
    if (!written) return std::nullopt;
    minutes = *written;
  }
  if (*hours > 23 || minutes > 59) return std::nullopt;
  return (sign == '-' ? -1.0 : 1.0) * (*hours * 3600 + minutes * 60);
}

}  // namespace

std::optional<Date> parse_date(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  // "2024-7": shorter is no date, and this is asked of every field of a file.
  if (text.size() < 7 || !is_digit(text.front()) || is_digit(text[4])) return std::nullopt;
  Cursor cursor(text);
  bool whole = false;
  const auto written = take_day(cursor, whole);
  if (!written || (!whole && text.size() != 7)) return std::nullopt;
  double seconds = 0;  // since that day's midnight in UTC
  if (whole && cursor.take_any("Tt ") != '\0') {
    const auto time = take_time(cursor);
    if (!time) return std::nullopt;
    const auto ahead = take_offset(cursor);
    if (!ahead) return std::nullopt;
    seconds = *time - *ahead;
  }
  if (!cursor.done()) return std::nullopt;

  constexpr double kDay = 86'400;
  const auto days = std::floor(seconds / kDay);
  const auto midnight = std::chrono::sys_days(*written) + std::chrono::days(static_cast<int>(days));
  seconds -= days * kDay;
  const std::chrono::year_month_day day(midnight);
  return Date{.year = static_cast<int>(day.year()),
              .month = static_cast<int>(static_cast<unsigned>(day.month())),
              .weekday = static_cast<int>(std::chrono::weekday(midnight).iso_encoding()) - 1,
              .hour = static_cast<int>(seconds / 3600),
              .days = static_cast<double>(midnight.time_since_epoch().count()) + seconds / kDay};
}

std::optional<Date> date_of_days(double days) {
  if (!(days >= -719162 && days < 2932897)) return std::nullopt;
  const double whole = std::floor(days);
  const std::chrono::sys_days day{std::chrono::days(static_cast<int>(whole))};
  const std::chrono::year_month_day date(day);
  return Date{.year = static_cast<int>(date.year()),
              .month = static_cast<int>(static_cast<unsigned>(date.month())),
              .weekday = static_cast<int>(std::chrono::weekday(day).iso_encoding()) - 1,
              .hour = std::min(23, static_cast<int>(std::floor((days - whole) * 24 + 1e-9))),
              .days = days};
}

double part_of(const Date& date, DatePart part) {
  switch (part) {
    case DatePart::year:
      return date.year;
    case DatePart::month:
      return date.month;
    case DatePart::weekday:
      return date.weekday;
    case DatePart::hour:
      return date.hour;
    case DatePart::days:
      return date.days;
    case DatePart::none:
      break;
  }
  return std::nan("");
}

}  // namespace ringtrain
