#include "serving/log/utc_time.h"

#include <gtest/gtest.h>

namespace ringtrain::test {
namespace {

std::string read(std::string_view text) {
  const auto time = utc_of(text);
  return time ? utc_text(*time) : "none";
}

TEST(UtcTime, DatesAndSeconds) {
  EXPECT_EQ(read("2026-01-05T12:00:03.412Z"), "2026-01-05T12:00:03.412Z");
  EXPECT_EQ(read("2026-01-05 13:30:03+01:30"), "2026-01-05T12:00:03.000Z");
  EXPECT_EQ(read("2026-01-05T07:00-05:00"), "2026-01-05T12:00:00.000Z");
  EXPECT_EQ(read("2024-02-29"), "2024-02-29T00:00:00.000Z");
  EXPECT_EQ(read("1767614403.5"), "2026-01-05T12:00:03.500Z");
  EXPECT_EQ(read("-1"), "1969-12-31T23:59:59.000Z");
}

TEST(UtcTime, WhatIsNone) {
  for (const char* wrong : {"", "soon", "2026-13-01", "2025-02-29", "2026-01-05T25:00", "2026-01-05T12:00Zx",
                            "1e300", "nan", "inf", "9999-01-01"})
    EXPECT_EQ(read(wrong), "none") << wrong;
}

}  // namespace
}  // namespace ringtrain::test
