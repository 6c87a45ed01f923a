#include "trainer/step_plan.h"

#include <gtest/gtest.h>

namespace ringtrain {
namespace {

TrainerConfig automatic() {
  TrainerConfig config;
  config.steps = "auto";
  return config;
}

TEST(StepPlan, EpochsAndMaxSteps) {
  TrainerConfig config;
  config.epochs = 4;
  auto plan = StepPlan::of(config, 25);
  EXPECT_TRUE(plan.decided);
  EXPECT_EQ(plan.total, 100);
  EXPECT_EQ(plan.evaluate_every, 25);
  EXPECT_EQ(plan.patience, 0);
  config.max_steps = 60;
  config.evaluate_every_steps = 7;
  config.early_stopping.patience = 3;
  plan = StepPlan::of(config, 25);
  EXPECT_EQ(plan.total, 60);
  EXPECT_EQ(plan.evaluate_every, 7);
  EXPECT_EQ(plan.patience, 3);
}

TEST(StepPlan, AutoTakesStepsForFewRowsAndEpochsForMany) {
  auto plan = StepPlan::of(automatic(), 7);
  EXPECT_FALSE(plan.decided);
  EXPECT_EQ(plan.total, 3000);
  EXPECT_EQ(plan.evaluate_every, 60);
  EXPECT_EQ(plan.patience, 10);
  EXPECT_EQ(StepPlan::of(automatic(), 1000).total, 30000);
}

TEST(StepPlan, AutoKeepsWhatItIsGiven) {
  auto config = automatic();
  config.auto_steps = 500;
  config.evaluate_every_steps = 20;
  config.early_stopping.patience = 4;
  const auto plan = StepPlan::of(config, 1000);
  EXPECT_TRUE(plan.decided);
  EXPECT_EQ(plan.total, 500);
  EXPECT_EQ(plan.evaluate_every, 20);
  EXPECT_EQ(plan.patience, 4);
}

TEST(StepPlan, AutoStopsWhereTheTimeIsUp) {
  auto config = automatic();
  EXPECT_EQ(decide_steps_of(config, 7, 0.001), 3000);      // 3 s
  EXPECT_EQ(decide_steps_of(config, 1000, 0.001), 30000);  // 30 s
  EXPECT_EQ(decide_steps_of(config, 1000, 0.1), 3000);     // 300 s, not 3,000
  EXPECT_EQ(decide_steps_of(config, 1000, 3), 100);
  EXPECT_EQ(decide_steps_of(config, 1000, 100), StepClock::kSteps);
  config.auto_seconds = 30;
  EXPECT_EQ(decide_steps_of(config, 1000, 0.1), 300);
}

TEST(StepClock, LeavesOutTheFirstSteps) {
  StepClock clock;
  for (std::int64_t step = 1; step < StepClock::kSteps; ++step) {
    EXPECT_FALSE(clock.after_step()) << step;
    EXPECT_EQ(clock.seconds_per_step(), 0);
  }
  EXPECT_TRUE(clock.after_step());
  EXPECT_GT(clock.seconds_per_step(), 0);
  EXPECT_LT(clock.seconds_per_step(), 1);
  EXPECT_FALSE(clock.after_step());
}

}  // namespace
}  // namespace ringtrain
