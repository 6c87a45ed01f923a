#include "serving/rollout/worse_evidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace ringtrain::test {
namespace {

/// Whether a plan of `count` losses, a share of them the candidate's, ever ends with an alarm at 1%.
bool alarms(std::mt19937_64& random, int count, double share, const std::function<double()>& live,
            const std::function<double()>& candidate) {
  WorseEvidence evidence;
  std::uniform_real_distribution<double> side(0, 1);
  for (int i = 0; i < count; ++i) {
    side(random) < share ? evidence.add_candidate(candidate()) : evidence.add_live(live());
    if (evidence.p_value() <= 0.01) return true;
  }
  return false;
}

/// How many of 500 plans end with an alarm where both sides' losses are drawn alike, looked at after each.
int false_alarms(double share, const std::function<double(std::mt19937_64&)>& loss) {
  std::mt19937_64 random(7);
  int count = 0;
  for (int plan = 0; plan < 500; ++plan) {
    const auto draw = [&] { return loss(random); };
    count += alarms(random, 2000, share, draw, draw);
  }
  return count;
}

TEST(WorseEvidence, FalseAlarmsAreRarerThanPromised) {
  for (const double share : {0.05, 0.5}) {
    for (const double wrong : {0.02, 0.3})
      EXPECT_LE(false_alarms(
                    share,
                    [wrong](auto& random) { return std::bernoulli_distribution(wrong)(random) ? 1.0 : 0.0; }),
                5 + 3 * 2)  // 1% of 500, and three standard deviations, 2.2 each
          << share << " " << wrong;
    // Heavy tails: |t| with 2 degrees of freedom.
    EXPECT_LE(
        false_alarms(share,
                     [](auto& random) { return std::abs(std::student_t_distribution<double>(2)(random)); }),
        5 + 3 * 2);
  }
}

TEST(WorseEvidence, AWorseVersionIsFoundAndABetterOneIsNot) {
  std::mt19937_64 random(3);
  const auto wrong = [&](double share) {
    return [&random, share] { return std::bernoulli_distribution(share)(random) ? 1.0 : 0.0; };
  };
  int found = 0;
  for (int plan = 0; plan < 200; ++plan) {
    found += alarms(random, 2000, 0.25, wrong(0.1), wrong(0.3));
    EXPECT_FALSE(alarms(random, 2000, 0.25, wrong(0.3), wrong(0.1)));
  }
  EXPECT_GE(found, 190);
}

TEST(WorseEvidence, ItIsKeptAsItIs) {
  WorseEvidence evidence;
  for (int i = 0; i < 300; ++i) {
    evidence.add_live(i % 10 == 0);
    evidence.add_candidate(i % 4 == 0);
  }
  auto again = WorseEvidence::from_json(nlohmann::json::parse(evidence.to_json().dump()));
  EXPECT_EQ(again.p_value(), evidence.p_value());
  EXPECT_EQ(again.count(), 300U);
  EXPECT_DOUBLE_EQ(again.mean_live(), 0.1);
  EXPECT_DOUBLE_EQ(again.mean_candidate(), 0.25);
  EXPECT_LT(again.p_value(), 1);
  for (auto* one : {&again, &evidence}) {
    one->add_live(0);
    one->add_candidate(1);
  }
  EXPECT_EQ(again.p_value(), evidence.p_value());
}

}  // namespace
}  // namespace ringtrain::test
