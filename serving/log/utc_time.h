#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringtrain {

using UtcTime = std::chrono::system_clock::time_point;

/// "2026-01-05T12:00:03.412Z".
std::string utc_text(UtcTime time);

/// Of a date and time as parse_date reads them (data/schema/dates.h: "2026-01-05T12:00:03.412Z",
/// "2026-01-05 13:00:03+01:00"; UTC where no zone is given), or of seconds since 1970 ("1767614403.412").
/// Empty: it is neither.
std::optional<UtcTime> utc_of(std::string_view text);

/// Milliseconds since 1970.
std::int64_t milliseconds_of(UtcTime time);

}  // namespace ringtrain
