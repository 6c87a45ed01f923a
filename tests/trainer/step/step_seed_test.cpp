#include "trainer/step/step_seed.h"

#include <gtest/gtest.h>

#include <set>

namespace ringtrain {
namespace {

TEST(StepSeed, DiffersBetweenRanksStepsAndSeeds) {
  std::set<std::uint64_t> seen;
  for (std::int64_t seed = 0; seed < 5; ++seed)
    for (std::int64_t step = 0; step < 50; ++step)
      for (int rank = 0; rank < 8; ++rank) seen.insert(step_seed(seed, step, rank));
  EXPECT_EQ(seen.size(), 5u * 50 * 8);
}

TEST(StepSeed, IsAPureFunction) { EXPECT_EQ(step_seed(7, 100, 3), step_seed(7, 100, 3)); }

}  // namespace
}  // namespace ringtrain
