#include <gtest/gtest.h>

#include "comm/agreement.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

TEST(TogetherOverMpi, TheLastRankFails) {
  World& world = test_world();
  const int last = world.world_size() - 1;
  try {
    together(world.control(), "opening the job folder", [&] {
      if (world.rank() == last) throw DataError("disk full");
    });
    ADD_FAILURE() << "expected an error on every rank";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 3);
    EXPECT_EQ(dynamic_cast<const PeerError*>(&error) != nullptr, world.rank() != 0);
    const std::string expected =
        last == 0 ? "disk full"
                  : "rank " + std::to_string(last) + " of " + std::to_string(world.world_size()) + " (host " +
                        world.host() + ") failed while opening the job folder: disk full";
    EXPECT_EQ(std::string(error.what()), expected);
  }
  world.control().barrier();
}

TEST(AgreeOnOverMpi, RanksThatDifferAreNamed) {
  World& world = test_world();
  agree_on(world.control(), "the seed", "17");
  if (world.world_size() == 1) return;
  try {
    agree_on(world.control(), "the seed", world.rank() == world.world_size() - 1 ? "18" : "17");
    ADD_FAILURE() << "expected ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()), "the seed differs between ranks: rank 0 has '17', rank " +
                                             std::to_string(world.world_size() - 1) +
                                             " has '18'; start all ranks alike");
  }
}

TEST(StringsOverMpi, GatherAndBroadcast) {
  World& world = test_world();
  const auto text = [](int rank) {
    return std::string(static_cast<std::size_t>(rank * 1000), 'r') + std::to_string(rank);
  };
  const auto all = all_gather_strings(world.control(), text(world.rank()));
  ASSERT_EQ(all.size(), static_cast<std::size_t>(world.world_size()));
  for (int r = 0; r < world.world_size(); ++r) EXPECT_EQ(all[static_cast<std::size_t>(r)], text(r));
  for (int root = 0; root < world.world_size(); ++root)
    EXPECT_EQ(broadcast_string(world.control(), text(world.rank()), root), text(root));
}

}  // namespace
}  // namespace ringtrain
