#include "launch/mpirun/rank_cores.h"

#include <gtest/gtest.h>

#include <numeric>

namespace ringtrain {
namespace {

using Cores = std::vector<int>;

/// A machine as hwloc describes it: "numa:2 core:4 pu:1" has two memory nodes of four cores.
struct Machine {
  explicit Machine(const char* description) {
    hwloc_topology_init(&topology);
    EXPECT_EQ(hwloc_topology_set_synthetic(topology, description), 0);
    EXPECT_EQ(hwloc_topology_load(topology), 0);
    all.resize(static_cast<std::size_t>(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU)));
    std::iota(all.begin(), all.end(), 0);
  }
  ~Machine() { hwloc_topology_destroy(topology); }
  std::optional<Cores> near(int local_rank, int local_size, int threads = 1, const Cores& allowed = {}) {
    return cores_near(topology, {local_rank, local_size, threads, "", allowed.empty() ? all : allowed});
  }
  hwloc_topology_t topology = nullptr;
  Cores all;
};

TEST(RankCores, RanksAreDealtToMemoryNodes) {
  Machine machine("package:2 numa:1 core:4 pu:1");
  EXPECT_EQ(machine.near(0, 2), (Cores{0, 1, 2, 3}));
  EXPECT_EQ(machine.near(1, 2), (Cores{4, 5, 6, 7}));
  EXPECT_EQ(machine.near(0, 3), (Cores{0, 1, 2, 3}));
  EXPECT_EQ(machine.near(1, 3), (Cores{0, 1, 2, 3}));
  EXPECT_EQ(machine.near(2, 3), (Cores{4, 5, 6, 7}));
}

TEST(RankCores, ThoseThatAreBetterOffAloneAreLeftAlone) {
  Machine machine("package:2 numa:1 core:4 pu:1");
  EXPECT_FALSE(machine.near(0, 1)) << "one rank may use the whole machine";
  EXPECT_FALSE(machine.near(0, 2, 5)) << "more threads than a node has cores";
  EXPECT_FALSE(machine.near(0, 2, 1, {4, 5})) << "bound to one node already";
  EXPECT_EQ(machine.near(1, 2, 1, {3, 4, 5}), (Cores{4, 5})) << "only what is allowed";
  Machine small("numa:1 core:8 pu:1");
  EXPECT_FALSE(small.near(0, 2)) << "one memory node";
  EXPECT_FALSE(cores_near(machine.topology, {0, 2, 1, "0000:3b:00.0", machine.all}))
      << "a GPU that the topology does not know";
}

}  // namespace
}  // namespace ringtrain
