#include "comm/world.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "comm/agreement.h"
#include "common/errors.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

TEST(World, HasTheRanksThatWereStarted) {
  World& world = test_world();
  EXPECT_TRUE(World::launched_by_mpi());
  EXPECT_EQ(world.world_size(), std::atoi(std::getenv("OMPI_COMM_WORLD_SIZE")));
  EXPECT_EQ(world.rank(), std::atoi(std::getenv("OMPI_COMM_WORLD_RANK")));
  EXPECT_EQ(world.local_rank(), std::atoi(std::getenv("OMPI_COMM_WORLD_LOCAL_RANK")));
  EXPECT_EQ(world.local_size(), std::atoi(std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE")));
  EXPECT_EQ(world.control().backend(), "mpi");
  const auto hosts = all_gather_strings(world.control(), world.host());
  for (const std::string& host : hosts) EXPECT_EQ(host, world.host());
}

// MPI is there already: a second world uses it and leaves it there.
TEST(World, ASecondOneSharesMpi) {
  {
    World second;
    EXPECT_EQ(second.rank(), test_world().rank());
    EXPECT_EQ(second.world_size(), test_world().world_size());
    const auto kept = second.control().duplicate();
    second.close();
    EXPECT_THROW(second.control(), CommError);
    EXPECT_THROW(kept->barrier(), CommError);
  }
  test_world().control().barrier();
}

}  // namespace
}  // namespace ringtrain
