#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "trainer/metrics/exact_sum.h"

namespace ringtrain {
namespace {

double sum_of(const std::vector<double>& values) {
  ExactSum sum;
  for (const double value : values) sum.add(value);
  return sum.value();
}

TEST(ExactSum, LosesNothing) {
  EXPECT_EQ(sum_of({}), 0);
  EXPECT_EQ(sum_of({1e100, 1, -1e100}), 1);
  EXPECT_EQ(sum_of({1e308, 1e308, -1e308}), 1e308) << "what lies between may exceed float64";
  EXPECT_EQ(sum_of({-DBL_MAX, 5e-324, DBL_MAX}), 5e-324);
  EXPECT_EQ(sum_of({DBL_MIN, -5e-324}), std::nextafter(DBL_MIN, 0)) << "subnormal";
  EXPECT_EQ(sum_of({-1.5, -2.25, 0.0, -0.0}), -3.75);
  EXPECT_EQ(sum_of(std::vector<double>(10, 0.1)), 1) << "the exact sum is 1 + 5.6e-17: 1 is the nearest";
}

TEST(ExactSum, RoundsOnceToTheNearestAndHalvesToTheEven) {
  const double half = std::ldexp(1, -53), one_up = std::nextafter(1, 2);
  for (const double sign : {1.0, -1.0}) {
    EXPECT_EQ(sum_of({sign, sign * half}), sign);
    EXPECT_EQ(sum_of({sign, sign * half, sign * 5e-324}), sign * one_up) << "a little more than half";
    EXPECT_EQ(sum_of({sign * one_up, sign * half}), sign * std::nextafter(one_up, 2));
    EXPECT_EQ(sum_of({sign * one_up, sign * half, -sign * 5e-324}), sign * one_up) << "a little less";
  }
}

TEST(ExactSum, WhatIsNotFinite) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(sum_of({1, infinity, 2}), infinity);
  EXPECT_EQ(sum_of({-infinity, 1e308}), -infinity);
  EXPECT_TRUE(std::isnan(sum_of({infinity, -infinity})));
  EXPECT_TRUE(std::isnan(sum_of({1, std::nan(""), 2})));
  EXPECT_EQ(sum_of({DBL_MAX, DBL_MAX}), infinity);
}

/// Whole numbers times a power of 2: their sum is known from integers.
TEST(ExactSum, IsTheIntegersSumInAnyOrderAndAnyParts) {
  std::mt19937_64 random(7);
  for (const int exponent : {-1074, -1040, -60, 0, 500, 900}) {
    std::vector<double> values;
    __int128 expected = 0;
    for (int i = 0; i < 3000; ++i) {
      const auto whole = static_cast<std::int64_t>(random() >> (12 + random() % 50)) * (i % 3 == 0 ? -1 : 1);
      values.push_back(std::ldexp(static_cast<double>(whole), exponent));
      expected += whole;
    }
    const double sum = sum_of(values);
    EXPECT_EQ(sum, std::ldexp(static_cast<double>(expected), exponent)) << exponent;
    std::shuffle(values.begin(), values.end(), random);
    ExactSum first, second;
    for (std::size_t i = 0; i < values.size(); ++i) (i < 1234 ? first : second).add(values[i]);
    auto numbers = first.numbers();
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] += second.numbers()[i];
    EXPECT_EQ(ExactSum::of(numbers).value(), sum) << exponent;
  }
}

}  // namespace
}  // namespace ringtrain
