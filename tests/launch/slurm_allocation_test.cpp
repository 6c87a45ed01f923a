#include "launch/slurm/allocation.h"

#include <gtest/gtest.h>

namespace ringtrain {
namespace {

TEST(SlurmAllocation, TasksAreSummed) {
  EXPECT_EQ(slurm::sum_of_tasks("2(x3),1"), 7);
  EXPECT_EQ(slurm::sum_of_tasks("4"), 4);
  for (const char* wrong : {"x", "2(x", "2(3)", "-1", "2 ", "0"})
    EXPECT_ANY_THROW(slurm::sum_of_tasks(wrong)) << wrong;
}

}  // namespace
}  // namespace ringtrain
