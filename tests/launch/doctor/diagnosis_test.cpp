#include "launch/doctor/diagnosis.h"

#include <gtest/gtest.h>

#include "launch/findings_table.h"

namespace ringtrain::doctor {
namespace {

using nlohmann::json;

json a_host() {
  return {{"host", "a"},
          {"versions", {{"ringtrain", "1"}, {"libtorch", "2"}, {"mpi", "Open MPI v4.1.4"}}},
          {"cores", 8},
          {"memory", 64LL << 30},
          {"load", 0.1},
          {"open_files", 65536},
          {"locked_memory", -1},
          {"shm_free", 8LL << 30},
          {"copy", 10e9},
          {"gpus", json::array()},
          {"why_no_gpu", "no driver"},
          {"gpu_topology", ""},
          {"interfaces", json::array({{{"name", "eth0"}, {"megabits", 10000}, {"addresses", {"10.0.0.1"}}}})},
          {"infiniband", json::array()},
          {"network_variables", json::object()}};
}

/// `count` healthy hosts with 2 ranks each.
Examination healthy(int count) {
  Examination all;
  for (int i = 0; i < count; ++i) {
    all.layout.hosts.push_back("node" + std::to_string(i));
    all.layout.first_ranks.push_back(2 * i);
    all.layout.ranks.push_back(2);
    all.layout.host_of.insert(all.layout.host_of.end(), 2, i);
    all.hosts.push_back(a_host());
    all.folders.push_back({{"problem", ""}, {"token", "7"}, {"free", 100LL << 30}, {"type", "nfs"}});
    all.clocks.push_back(0);
    for (int j = 0; j < i; ++j)
      all.links.push_back({.a = j, .b = i, .forth = 1.1e9, .back = 1.1e9, .latency_s = 20e-6});
  }
  all.folder = "/jobs";
  all.token = "7";
  all.folder_bytes_a_second = 500e6;
  all.launcher = "mpirun (Open MPI) 4.1.4";
  all.all_reduce = {.latency_s = 1e-5, .bus_bytes_a_second = count == 1 ? 8e9 : 1e9};
  return all;
}

using Level = Finding::Level;

void expect(const Examination& all, Level level, const std::string& what, const std::string& words) {
  for (const auto& finding : diagnose(all))
    if (finding.level == level && finding.what == what &&
        (finding.value + finding.remedy).find(words) != std::string::npos) {
      EXPECT_EQ(finding.remedy.empty(), level == Level::good);
      return;
    }
  ADD_FAILURE() << what << " with '" << words << "' is not in:\n" << findings_table(diagnose(all));
}

TEST(Doctor, AHealthyClusterIsGood) {
  for (const int hosts : {1, 2, 4})
    for (const auto& finding : diagnose(healthy(hosts)))
      EXPECT_EQ(finding.level, Level::good) << finding.what << ": " << finding.value;
  expect(healthy(3), Level::good, "job folder", "shared by all hosts");
  EXPECT_FALSE(worst_level(diagnose(healthy(2))) == Level::bad);
}

TEST(Doctor, ASlowLinkIsNamed) {
  auto all = healthy(4);
  all.links[1].back = 50e6;  // of 0 - 2, one direction alone
  expect(all, Level::bad, "link", "node0 - node2: 1.0 GiB/s forth, 47.7 MiB/s back");
  EXPECT_TRUE(worst_level(diagnose(all)) == Level::bad);
  for (auto& link : all.links)
    if (link.a == 3 || link.b == 3) link.forth = 100e6;
  expect(all, Level::bad, "host", "node3: every link with it is slow");
}

TEST(Doctor, AllLinksMayBeSlowerThanTheirInterface) {
  auto all = healthy(2);
  all.links[0].forth = all.links[0].back = 12e6;
  expect(all, Level::bad, "link", "expected 1.2 GiB/s by its interface");
  for (auto& host : all.hosts) host["interfaces"][0]["megabits"] = -1;  // it does not say
  expect(all, Level::good, "link", "what the other links do");
}

TEST(Doctor, HostsThatDifferAreNamed) {
  auto all = healthy(3);
  all.hosts[2]["versions"]["libtorch"] = "3";
  expect(all, Level::bad, "versions", "node2: ringtrain 1, LibTorch 3");
  all = healthy(2);
  all.launcher = "mpirun (Open MPI) 5.0.1";
  expect(all, Level::bad, "mpirun", "but the library is Open MPI v4.1.4");
  all.launcher = "HYDRA build details:";
  expect(all, Level::bad, "mpirun", "HYDRA");
}

TEST(Doctor, LimitsHaveRemedies) {
  auto all = healthy(2);
  all.hosts[1]["open_files"] = 256;
  expect(all, Level::warning, "open files", "node1: 256");
  all.hosts[1]["shm_free"] = 1 << 20;
  expect(all, Level::warning, "/dev/shm", "--shm-size");
  all.hosts[1]["locked_memory"] = 65536;
  expect(all, Level::good, "locked memory", "64.0 KiB");
  all.hosts[0]["infiniband"] = {"mlx5_0"};
  expect(all, Level::bad, "locked memory", "ulimit -l unlimited");
  expect(all, Level::good, "NCCL would take", "mlx5_0 (InfiniBand");
}

TEST(Doctor, CoresAreThoseThatCount) {
  auto all = healthy(1);
  all.hosts[0]["cpu_quota"] = 1.5;
  expect(all, Level::warning, "cores", "2 ranks, 1.5 cores (8 by affinity, a quota of 1.5)");
  all = healthy(1);
  all.hosts[0]["load"] = 20;
  expect(all, Level::warning, "load", "20.0");
}

TEST(Doctor, GpusAreCounted) {
  auto all = healthy(2);
  all.hosts[0]["gpus"] = {"GPU-1", "GPU-2"};
  all.hosts[1]["gpus"] = {"GPU-3"};
  expect(all, Level::good, "GPUs", "node0: 2 GPUs, 2 ranks");
  expect(all, Level::warning, "GPUs", "node1: 1 GPU, 2 ranks");
}

TEST(Doctor, FolderAndClock) {
  auto all = healthy(2);
  all.folders[1]["token"] = "";
  expect(all, Level::warning, "job folder", "node1: not the first host's");
  all.folders[0]["problem"] = "/jobs: Permission denied";
  expect(all, Level::bad, "job folder", "Permission denied");
  all.clocks[1] = -3.5;
  expect(all, Level::warning, "clock", "node1 is 3500 ms behind node0");
}

TEST(Doctor, SlowAllReduce) {
  auto all = healthy(2);
  all.all_reduce.bus_bytes_a_second = 0.1e9;
  expect(all, Level::warning, "all-reduce", "expected 1.0 GiB/s, the slowest link");
}

}  // namespace
}  // namespace ringtrain::doctor
