#include "serving/log/utc_time.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "data/schema/dates.h"

namespace ringtrain {

using namespace std::chrono;

static UtcTime of_seconds(double number) {
  return UtcTime(duration_cast<system_clock::duration>(milliseconds(std::llround(number * 1000))));
}

std::string utc_text(UtcTime time) {
  const auto at = floor<milliseconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(at)),
                     (at - floor<seconds>(at)).count());
}

std::int64_t milliseconds_of(UtcTime time) { return floor<milliseconds>(time.time_since_epoch()).count(); }

std::optional<UtcTime> utc_of(std::string_view text) {
  constexpr double seconds_of_a_day = 86'400, most = 1e10;  // some hundred years
  if (const auto date = parse_date(text)) {
    const double number = date->days * seconds_of_a_day;
    return std::abs(number) < most - 1 ? std::optional(of_seconds(number)) : std::nullopt;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(std::abs(number) < most))
    return std::nullopt;
  return of_seconds(number);
}

}  // namespace ringtrain
