#include "serving/rollout/rollout_plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/errors.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

std::string refused(const std::string& plan) {
  return thrown<ConfigError>([&] { parse_plan(plan); });
}

TEST(RolloutPlan, SharesAndTimes) {
  EXPECT_EQ(parse_plan("5% 10m, 25% 30m, 100%"),
            (std::vector<RolloutStage>{{0.05, 600}, {0.25, 1800}, {1, 0}}));
  EXPECT_EQ(parse_plan(" 0.5%  1.5h ,100% 2d"), (std::vector<RolloutStage>{{0.005, 5400}, {1, 172800}}));
  EXPECT_EQ(parse_plan("100%"), (std::vector<RolloutStage>{{1, 0}}));
}

TEST(RolloutPlan, ItsTextIsReadAsItself) {
  for (const char* text : {"5% 10m, 25% 30m, 100%", "0.1% 90s, 33.3% 1.5s, 100% 1d"})
    EXPECT_EQ(parse_plan(plan_text(parse_plan(text))), parse_plan(text)) << plan_text(parse_plan(text));
  EXPECT_EQ(plan_text(parse_plan("5% 600s, 100%")), "5% 10m, 100%");
}

TEST(RolloutPlan, AllThatIsWrongIsSaidAtOnce) {
  EXPECT_EQ(refused("5 10m, 120% 1m, 50% 3x, 60%, 100%"),
            "--plan: '5 10m': expected a share and a time, such as 5% 10m\n"
            "  --plan: '120% 1m': a share: expected more than 0% and at most 100%, got '120%'\n"
            "  --plan: '50% 3x': expected a time behind the share, such as 30s, 10m, 2h or 1d\n"
            "  --plan: '60%': expected a time behind the share, such as 30s, 10m, 2h or 1d; only the last "
            "stage needs none");
  EXPECT_EQ(refused("25% 1m, 5% 1m, 50% 1m"),
            "--plan: 5% comes after 25%: shares must grow\n"
            "  --plan: it ends at 50%: end it with 100%, which makes the version live");
  for (const char* text :
       {"", ",", "5% 10m,", "nan% 1m, 100%", "5% -1m, 100%", "5% inf s, 100%", "0% 1m, 100%"})
    EXPECT_NE(refused(text), "nothing was thrown") << text;
}

TEST(RolloutPlan, ASideIsNestedInTheNextAndItsShareIsRight) {
  int below_5 = 0, below_25 = 0;
  constexpr int kKeys = 20'000;
  for (int i = 0; i < kKeys; ++i) {
    const auto key = "customer-" + std::to_string(i);
    const double point = side_point("one", key);
    ASSERT_GE(point, 0);
    ASSERT_LT(point, 1);
    EXPECT_EQ(point, side_point("one", key));
    below_5 += point < 0.05;
    below_25 += point < 0.25;
  }
  // Four standard deviations of the binomial.
  EXPECT_NEAR(below_5, 0.05 * kKeys, 4 * std::sqrt(kKeys * 0.05 * 0.95));
  EXPECT_NEAR(below_25, 0.25 * kKeys, 4 * std::sqrt(kKeys * 0.25 * 0.75));
}

TEST(RolloutPlan, AnotherRolloutHasAnotherOrder) {
  int both = 0;
  for (int i = 0; i < 10'000; ++i)
    both += side_point("one", std::to_string(i)) < 0.1 && side_point("two", std::to_string(i)) < 0.1;
  EXPECT_NEAR(both, 100, 50);
}

}  // namespace
}  // namespace ringtrain::test
