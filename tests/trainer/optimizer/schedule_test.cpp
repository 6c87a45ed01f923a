#include "trainer/optimizer/schedule.h"

#include <gtest/gtest.h>

#include "tests/trainer/optimizer/optimizer_of.h"

namespace ringtrain {
namespace {

TEST(Schedule, WarmUpGrowsLinearlyToTheBase) {
  ScheduleConfig schedule;
  schedule.warmup_steps = 4;
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0.8, 0, 100), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0.8, 3, 100), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0.8, 50, 100), 0.8);
}

TEST(Schedule, StepMultipliesAtIntervals) {
  const auto schedule = test::schedule_config("{type: step, step_size: 10, gamma: 0.5}");
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1, 9, 100), 1);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1, 10, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1, 29, 100), 0.25);
}

TEST(Schedule, CosineFallsFromTheBaseToTheLeast) {
  const auto schedule = test::schedule_config("{type: cosine, min_lr: 0.1, warmup_steps: 10}");
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0.9, 10, 110), 0.9);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0.9, 60, 110), 0.5);
  EXPECT_NEAR(learning_rate(schedule, 0.9, 110, 110), 0.1, 1e-15);
  EXPECT_NEAR(learning_rate(schedule, 0.9, 500, 110), 0.1, 1e-15);
}

}  // namespace
}  // namespace ringtrain
