#include "data/schema/dates.h"

#include <gtest/gtest.h>

#include <string>

namespace ringtrain {
namespace {

struct Case {
  std::string text;
  int year, month, weekday, hour;
  double days;
};

// Weekdays and days are those of Python's datetime.
TEST(Dates, AreThoseOfTheCalendar) {
  const Case cases[] = {
      {"2024-07-01", 2024, 7, 0, 0, 19905.0},
      {"2024/07/01", 2024, 7, 0, 0, 19905.0},
      {"2024-7-1", 2024, 7, 0, 0, 19905.0},
      {" 2024-07-01\t", 2024, 7, 0, 0, 19905.0},
      {"2024-08", 2024, 8, 3, 0, 19936.0},
      {"2000-02-29", 2000, 2, 1, 0, 11016.0},
      {"0001-01-01", 1, 1, 0, 0, -719162.0},
      {"1970-01-01", 1970, 1, 3, 0, 0.0},
      {"2024-02-29T12:30:59.25", 2024, 2, 3, 12, 19782.521519097223},
      {"2024-02-29 12:30:59,250000Z", 2024, 2, 3, 12, 19782.521519097223},
      {"1969-07-20T20:17:40Z", 1969, 7, 6, 20, -164.15439814814815},
      {"9999-12-31 23:59:59", 9999, 12, 4, 23, 2932896.999988426},
  };
  for (const auto& one : cases) {
    const auto date = parse_date(one.text);
    ASSERT_TRUE(date) << one.text;
    EXPECT_EQ(date->year, one.year) << one.text;
    EXPECT_EQ(date->month, one.month) << one.text;
    EXPECT_EQ(date->weekday, one.weekday) << one.text;
    EXPECT_EQ(date->hour, one.hour) << one.text;
    EXPECT_NEAR(date->days, one.days, 1e-9) << one.text;
  }
}

// An instant is the same numbers in whatever zone it is written.
TEST(Dates, OffsetsAreTakenToUtc) {
  for (const char* text : {"2024-07-01T23:15:00-05:00", "2024-07-01T23:15-0500", "2024-07-01 23:15 -05"}) {
    const auto date = parse_date(text);
    ASSERT_TRUE(date) << text;
    EXPECT_EQ(date->hour, 4) << text;  // UTC, as Parquet holds an instant
    EXPECT_EQ(date->weekday, 1) << text;
    EXPECT_NEAR(date->days, 19906.177083333332, 1e-9) << text;
  }
  const auto east = parse_date("2023-12-31T18:00:00+05:30");
  ASSERT_TRUE(east);
  EXPECT_EQ(east->year, 2023);
  EXPECT_EQ(east->weekday, 6);
  EXPECT_EQ(east->hour, 12);
  EXPECT_NEAR(east->days, 19722.520833333332, 1e-9);
  const auto new_year = parse_date("2024-01-01 00:30+01:00");
  ASSERT_TRUE(new_year);
  EXPECT_EQ(new_year->year, 2023);
  EXPECT_EQ(new_year->month, 12);
  EXPECT_EQ(new_year->hour, 23);
}

TEST(Dates, MidnightAndLeapSecondsGoOver) {
  const auto midnight = parse_date("2023-12-31T24:00");
  ASSERT_TRUE(midnight);
  EXPECT_EQ(midnight->year, 2024);
  EXPECT_EQ(midnight->month, 1);
  EXPECT_EQ(midnight->hour, 0);
  EXPECT_EQ(midnight->days, parse_date("2024-01-01")->days);
  EXPECT_EQ(parse_date("2016-12-31T23:59:60Z")->days, parse_date("2017-01-01")->days);
}

TEST(Dates, WhatIsNone) {
  for (const char* text : {"",
                           " ",
                           "2024",
                           "20240701",
                           "2024-13-01",
                           "2024-00-01",
                           "2023-02-29",
                           "2024-06-31",
                           "2024-07-00",
                           "2024-7",
                           "2024/07",
                           "2024-07-01T",
                           "2024-07-01T25:00",
                           "2024-07-01T12",
                           "2024-07-01T12:60",
                           "2024-07-01T12:30:61",
                           "2024-07-01T12:30:",
                           "2024-07-01T12:30:5",
                           "2024-07-01T12:30:59.",
                           "2024-07-01T24:01",
                           "2024-07-01T12:30+",
                           "2024-07-01T12:30+2",
                           "2024-07-01T12:30+02:",
                           "2024-07-01T12:30+24:00",
                           "2024-07-01T12:30Zulu",
                           "2024-07-01 monday",
                           "2024-07/01",
                           "01/07/2024",
                           "1 July 2024",
                           "12:30",
                           "0000-01-01",
                           "-024-07-01",
                           "2024-07-011",
                           "2024-123",
                           "555-1234",
                           "2024-07T12:30",
                           "1234-56-7890"})
    EXPECT_FALSE(parse_date(text)) << text;
}

}  // namespace
}  // namespace ringtrain
