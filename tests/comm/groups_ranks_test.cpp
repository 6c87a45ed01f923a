// Worlds of some of the ranks: of a communicator of the program's own, and of a world that is split.
#include <gtest/gtest.h>

#include "comm/agreement.h"
#include "comm/backends.h"
#include "comm/mpi/ranks.h"
#include "common/errors.h"
#include "tests/comm/averaging/group_averaging.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

/// A communicator of the program's own.
struct Given {
  explicit Given(int color) { MPI_Comm_split(MPI_COMM_WORLD, color, -test_world().rank(), &communicator); }
  ~Given() {
    if (communicator != MPI_COMM_NULL) MPI_Comm_free(&communicator);
  }
  MPI_Comm communicator = MPI_COMM_NULL;
};

std::string refused(MPI_Comm communicator) {
  try {
    World{mpi::Ranks(communicator)};
  } catch (const CommError& error) {
    return error.what();
  }
  return "made";
}

// All ranks but the last one, in reverse; the others do not take part.
TEST(WorldOfACommunicator, SpeaksOfItsRanksAlone) {
  const int ranks = test_world().world_size(), rank = test_world().rank();
  const bool left_out = ranks > 1 && rank == ranks - 1;
  {
    Given given(left_out ? MPI_UNDEFINED : 3);
    if (left_out) {
      EXPECT_EQ(
          refused(given.communicator),
          "World of a communicator: it is MPI_COMM_NULL, which MPI_Comm_split gives a process that is in no "
          "group; such a process makes no world");
    } else {
      const int size = std::max(1, ranks - 1);
      World world(given.communicator);
      MPI_Comm_free(&given.communicator);  // the world has its own
      EXPECT_EQ(world.world_size(), size);
      EXPECT_EQ(world.rank(), size - 1 - rank);
      EXPECT_EQ(world.local_rank(), world.rank());
      EXPECT_EQ(world.local_size(), size);
      const auto told = all_gather_strings(world.control(), std::to_string(rank));
      for (int r = 0; r < size; ++r)
        EXPECT_EQ(told[static_cast<std::size_t>(r)], std::to_string(size - 1 - r));
      const auto gradients = make_communicator(world, "auto", "cpu");
      EXPECT_EQ(gradients->backend(), size == 1 ? "local" : "mpi");
      const at::Tensor ones = gradients->allocate(1000, at::TensorOptions(at::kFloat)).fill_(1);
      gradients->all_reduce(ones).wait();
      EXPECT_EQ(ones[999].item<float>(), static_cast<float>(size));
      const auto link = world.make_beat_link();
      EXPECT_EQ(link == nullptr, size == 1);
      EXPECT_TRUE(!link || link->world_size() == size);
      world.close();
      EXPECT_THROW(world.control(), CommError);
    }
  }
  test_world().control().barrier();
}

TEST(WorldOfACommunicator, IsNotOneThatJoinsTwoGroups) {
  if (test_world().world_size() == 1) return;
  Given half(test_world().rank() == 0 ? 0 : 1);
  MPI_Comm both = MPI_COMM_NULL;
  MPI_Intercomm_create(half.communicator, 0, MPI_COMM_WORLD,
                       test_world().rank() == 0 ? test_world().world_size() - 1 : 0, 5, &both);
  EXPECT_EQ(refused(both),
            "World of a communicator: it joins two groups (an intercommunicator); make one of it with "
            "MPI_Intercomm_merge");
  MPI_Comm_free(&both);
}

TEST(WorldOfACommunicator, MayBeOneRankOfMany) {
  World world(MPI_COMM_SELF);
  EXPECT_EQ(world.world_size(), 1);
  EXPECT_EQ(world.local_size(), 1);
  EXPECT_EQ(world.make_beat_link(), nullptr);
  world.close();
  test_world().control().barrier();
}

// Each group has its world, and makes of it what the whole world could.
TEST(WorldSplit, GivesEachGroupItsWorld) {
  const int ranks = test_world().world_size(), rank = test_world().rank();
  const bool left_out = ranks == 3 && rank == 1;
  const auto world = test_world().split(left_out ? std::nullopt : std::optional<int>(rank % 2));
  ASSERT_EQ(world == nullptr, left_out);
  if (world) {
    std::string expected;
    for (int r = rank % 2; r < ranks; r += 2) expected += std::to_string(r);
    std::string told;
    for (const auto& one : all_gather_strings(world->control(), std::to_string(rank))) told += one;
    EXPECT_EQ(told, expected);
    EXPECT_EQ(world->world_size(), static_cast<int>(expected.size()));
    EXPECT_EQ(world->local_rank(), rank / 2);
    const auto gradients = make_communicator(*world, "mpi", "cpu");
    const at::Tensor ones = at::ones({3000});
    gradients->all_reduce(ones).wait();
    EXPECT_EQ(ones[0].item<float>(), static_cast<float>(expected.size()));
    world->close();
  }
  EXPECT_THROW(test_world().split(-1), CommError);
  test_world().control().barrier();
}

TEST(AveragingInGroups, TwoModelsInTurnOnEachOverMpi) {
  const auto all = make_communicator(test_world(), "mpi", "cpu");
  average_in_groups(*all);
}

}  // namespace
}  // namespace ringtrain
