#pragma once

#include <optional>
#include <string_view>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// A date or a point in time, as numbers that a model can use.
///
/// All of them are of the instant in UTC: as a Parquet timestamp of a time zone is held, so that an instant
/// is the same numbers however it is written. Written without an offset it is taken as UTC.
struct Date {
  int year = 1970;
  int month = 1;    ///< 1 to 12
  int weekday = 3;  ///< 0: Monday, to 6: Sunday
  int hour = 0;     ///< 0 to 23
  double days = 0;  ///< since 1970-01-01T00:00Z, with the time of day as fraction
};

/// The date that `text` is, blanks around it aside; nothing when it is none. What is read:
///   2024-07-01, 2024-7-1, 2024/07/01, 2024-07 (its first day), of the years 1 to 9999;
///   behind a whole date, after a T or a blank, a time: 12:30, 12:30:59, 12:30:59.25 (also with a comma);
///   behind a time, Z or an offset: +02, +0200, +02:00, also after a blank.
/// A day that is in no calendar (2023-02-29) or a time that is on no clock (25:00) is no date. A plain year
/// is a number, not a date. 24:00 is the next day's 00:00, the second 60 the next minute's begin.
std::optional<Date> parse_date(std::string_view text);

/// The number that a part of a date is; of `none` NaN.
double part_of(const Date& date, DatePart part);

/// The date and time of an instant in UTC; of the years 1 to 9999.
std::optional<Date> date_of_days(double days);

}  // namespace ringtrain
