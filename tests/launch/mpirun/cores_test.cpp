#include "launch/mpirun/cores.h"

#include <gtest/gtest.h>

#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

TEST(Cores, TheSmallestQuotaAboveTheProcessCounts) {
  const test::TemporaryFolder folder;
  const auto& root = folder.path();
  const auto self = root / "self";
  folder.write("self", "0::/pod/container\n");
  EXPECT_FALSE(cpu_quota(root.string(), self.string()));
  folder.write("pod/container/cpu.max", "max 100000\n");
  EXPECT_FALSE(cpu_quota(root.string(), self.string()));
  folder.write("pod/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(cpu_quota(root.string(), self.string()).value(), 1.5);
  folder.write("pod/container/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(cpu_quota(root.string(), self.string()).value(), 0.5);
  // Version 1.
  folder.write("self", "5:memory:/m\n4:cpu,cpuacct:/docker/x\n");
  folder.write("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "250000\n");
  folder.write("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(cpu_quota(root.string(), self.string()).value(), 2.5);
}

TEST(Cores, SomeMayBeUsed) { EXPECT_FALSE(usable_cores().empty()); }

}  // namespace
}  // namespace ringtrain
