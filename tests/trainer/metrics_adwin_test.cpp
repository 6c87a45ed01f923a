#include "trainer/metrics/adwin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/hash.h"

namespace ringtrain {
namespace {

double uniform(std::uint64_t seed, std::uint64_t i) {
  return static_cast<double>(mix64(mix64(seed) ^ i) >> 11) * 0x1p-53;
}

/// What River finds in a stream of 4,000 numbers, whose mean changes after each quarter.
struct Recorded {
  std::uint64_t seed;
  bool smooth;
  std::array<double, 4> means;
  std::vector<std::pair<std::int64_t, std::int64_t>> found;  ///< places, and the window's width there
  std::int64_t width;
  double mean;
};

// make_adwin_of_river.py printed it, with River 0.26.
const std::vector<Recorded>& recorded() {
  static const std::vector<Recorded> all{
      {0, false, {0.1, 0.1, 0.1, 0.1}, {}, 4000, 0.0965},
      {1, false, {0.1, 0.3, 0.2, 0.6}, {{1151, 448}, {3071, 224}}, 928, 0.5775862068965517},
      {2, false, {0.5, 0.45, 0.4, 0.35}, {{2527, 1760}}, 1472, 0.3485054347826087},
      {3, false, {0.8, 0.2, 0.2, 0.8}, {{1055, 112}, {3039, 192}}, 960, 0.79375},
      {0, true, {0.05, 0.05, 0.05, 0.05}, {}, 4000, 0.0503502087189168},
      {1, true, {0.05, 0.15, 0.1, 0.3}, {{1087, 832}, {2335, 1120}, {3071, 288}}, 928, 0.30802822718878226},
      {2, true, {0.25, 0.225, 0.2, 0.175}, {{2591, 2080}}, 1408, 0.1858253605283455},
      {3, true, {0.4, 0.1, 0.1, 0.4}, {{1055, 224}, {3039, 224}}, 960, 0.409608841915346},
  };
  return all;
}

TEST(Adwin, FindsWhatRiverFinds) {
  std::size_t found = 0;
  for (const auto& stream : recorded()) {
    Adwin adwin;
    std::vector<std::pair<std::int64_t, std::int64_t>> changes;
    for (std::int64_t i = 0; i < 4000; ++i) {
      const double share = uniform(stream.seed, static_cast<std::uint64_t>(i));
      const double mean = stream.means[static_cast<std::size_t>(i) / 1000];
      if (adwin.add(stream.smooth ? share * 2 * mean : static_cast<double>(share < mean)))
        changes.emplace_back(i, adwin.width());
    }
    EXPECT_EQ(changes, stream.found) << stream.seed << (stream.smooth ? " smooth" : "");
    EXPECT_EQ(adwin.width(), stream.width);
    EXPECT_NEAR(adwin.mean(), stream.mean, 1e-12);
    found += changes.size();
  }
  EXPECT_GT(found, 8U);
}

TEST(Adwin, GivesFewFalseAlarms) {
  int alarms = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Adwin adwin;
    bool alarm = false;
    for (std::uint64_t i = 0; i < 5000; ++i) alarm = adwin.add(uniform(seed, i) < 0.15) || alarm;
    alarms += alarm;
  }
  EXPECT_LE(alarms, 2);
}

/// SEA (Street and Kim 2001): a row is positive where the first two of three numbers in [0, 10] add up to at
/// most a threshold; a tenth of the truths are turned round. The model knows the first threshold for ever.
TEST(Adwin, FindsAnAbruptChangeOfSeaWithinTwoWindows) {
  constexpr std::int64_t kWindow = 500, kChange = 5000;
  for (const auto& [before, after] : {std::pair{8.0, 9.5}, {7.0, 9.5}, {9.5, 7.0}})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Adwin adwin;
      std::int64_t found = -1;
      for (std::int64_t i = 0; i < kChange + 2 * kWindow && found < 0; ++i) {
        const auto at = static_cast<std::uint64_t>(i) * 4;
        const double sum = 10 * (uniform(seed, at) + uniform(seed, at + 1));
        const bool turned = uniform(seed, at + 3) < 0.1;
        const bool truth = (sum <= (i < kChange ? before : after)) != turned;
        if (adwin.add(truth != (sum <= before))) found = i;
      }
      EXPECT_GE(found, kChange) << before << " to " << after << ", seed " << seed;
    }
}

TEST(Adwin, KeepsAConstantStreamWhole) {
  Adwin adwin;
  for (int i = 0; i < 10'000; ++i) ASSERT_FALSE(adwin.add(0.25));
  EXPECT_EQ(adwin.width(), 10'000);
  EXPECT_EQ(adwin.mean(), 0.25);
}

}  // namespace
}  // namespace ringtrain
