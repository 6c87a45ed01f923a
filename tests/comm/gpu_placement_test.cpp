#include "comm/gpu_placement.h"

#include <gtest/gtest.h>

namespace ringtrain {
namespace {

RankGpus rank(const std::string& host, std::vector<std::string> ids, const std::string& host_id = "") {
  return {host, std::move(ids), "no driver", host_id};
}

using Devices = std::vector<int>;

TEST(GpuPlacement, AllRanksSeeAllGpus) {
  EXPECT_EQ(place_on_gpus(
                {rank("a", {"1", "2"}), rank("a", {"1", "2"}), rank("b", {"3", "4"}), rank("b", {"3", "4"})})
                .devices,
            (Devices{0, 1, 0, 1}));
  EXPECT_EQ(place_on_gpus({rank("a", {"1", "2", "3"})}).devices, (Devices{0})) << "some may be left over";
}

TEST(GpuPlacement, EachRankSeesItsOwn) {
  EXPECT_EQ(place_on_gpus({rank("a", {"1"}), rank("a", {"2"}), rank("b", {"1"})}).devices,
            (Devices{0, 0, 0}));
  EXPECT_EQ(place_on_gpus({rank("a", {"1", "2"}), rank("a", {"2", "1"}), rank("b", {"MIG-1"})}).devices,
            (Devices{0, 0, 0}));
  EXPECT_EQ(place_on_gpus({rank("a", {"1", "2"}), rank("a", {"1"})}).problem.empty(), false)
      << "the first takes what the second needs";
}

TEST(GpuPlacement, OneGpuForTwoRanksIsRefusedWithTheReason) {
  const auto placement = place_on_gpus({rank("a", {"GPU-1"}), rank("a", {"GPU-1"})});
  EXPECT_EQ(placement.rank, 1);
  for (const char* words : {"ranks 0 and 1 of host a", "GPU-1", "--gpus-per-task=1", "trainer.share_gpus"})
    EXPECT_NE(placement.problem.find(words), std::string::npos) << placement.problem;
  EXPECT_EQ(place_on_gpus({rank("a", {"1"}, "x"), rank("a", {"1"}, "x")}).rank, 1) << "the same NCCL_HOSTID";
}

TEST(GpuPlacement, DistinctHostIdsMayShare) {
  EXPECT_EQ(place_on_gpus({rank("a", {"1"}, "x"), rank("a", {"1"}, "y")}).devices, (Devices{0, 0}));
  EXPECT_EQ(
      place_on_gpus({rank("a", {"1", "2"}, "x"), rank("a", {"1", "2"}, "y"), rank("a", {"1", "2"}, "z")})
          .devices,
      (Devices{0, 1, 0}));
}

TEST(GpuPlacement, SharingIsAskedFor) {
  const std::vector<RankGpus> three{rank("a", {"1"}), rank("a", {"1"}), rank("b", {"1"})};
  const auto shared = place_on_gpus(three, /*share=*/true);
  EXPECT_EQ(shared.problem, "");
  EXPECT_EQ(shared.devices, (Devices{0, 0, 0}));
  EXPECT_EQ(shared.nccl_host_ids, (std::vector<std::string>{"a-rank-0", "a-rank-1", "b-rank-2"}));

  const auto enough = place_on_gpus({rank("a", {"1", "2"}), rank("a", {"1", "2"})}, /*share=*/true);
  EXPECT_EQ(enough.devices, (Devices{0, 1}));
  EXPECT_TRUE(enough.nccl_host_ids.empty()) << "NCCL is not told that one host is two";
  EXPECT_EQ(place_on_gpus({rank("a", {"1"}), rank("b", {})}, /*share=*/true).problem, "no driver");
}

TEST(GpuPlacement, ARankWithoutAGpuIsNamed) {
  const auto placement = place_on_gpus({rank("a", {"1"}), rank("b", {})});
  EXPECT_EQ(placement.rank, 1);
  EXPECT_EQ(placement.problem, "no driver");
}

}  // namespace
}  // namespace ringtrain
