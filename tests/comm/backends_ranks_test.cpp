#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "comm/backends.h"
#include "comm/gpu.h"
#include "comm/nccl/nccl_library.h"
#include "common/errors.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

std::string refused(const std::string& backend, const std::string& device) {
  try {
    make_communicator(test_world(), backend, device);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "made";
}

TEST(BackendsOverMpi, AutoIsMpiOnCpus) {
  const std::string expected = test_world().world_size() == 1 ? "local" : "mpi";
  EXPECT_EQ(choose_backend(test_world(), "cpu"), expected);
  EXPECT_EQ(make_communicator(test_world(), "auto", "cpu")->backend(), expected);
}

TEST(BackendsOverMpi, LocalIsForOneRank) {
  const int ranks = test_world().world_size();
  if (ranks == 1) {
    EXPECT_EQ(refused("local", "cpu"), "made");
    return;
  }
  EXPECT_EQ(refused("local", "cpu"), "comm.backend: local is for one rank, this job has " +
                                         std::to_string(ranks) + "; use comm.backend: auto");
}

TEST(BackendsOverMpi, MpiTakesNoGpu) {
  EXPECT_EQ(
      refused("mpi", "cuda:0"),
      "comm.backend: mpi moves tensors in host memory only, the device is cuda:0; use comm.backend: nccl, or "
      "device: cpu");
}

TEST(BackendsOverMpi, AllRanksGiveTheSameReasonAgainstNccl) {
  if (!nccl::is_built()) GTEST_SKIP() << "this build has no NCCL";
  if (!find_gpus().ids.empty()) GTEST_SKIP() << "this machine has a GPU";
  const std::string text = refused("nccl", "cuda:" + std::to_string(test_world().local_rank()));
  EXPECT_EQ(text.find("comm.backend: nccl needs a GPU for each rank; rank 0 on host " + test_world().host() +
                      " has none ("),
            0u)
      << text;
  const std::string instead = test_world().world_size() > 1 ? "mpi" : "local";
  EXPECT_NE(text.find("; use comm.backend: " + instead), std::string::npos) << text;
}

TEST(BackendsOverMpi, RanksMustAskForTheSame) {
  if (test_world().world_size() == 1) return;
  EXPECT_NE(
      refused(test_world().rank() == 0 ? "mpi" : "auto", "cpu").find("comm.backend differs between ranks"),
      std::string::npos);
  EXPECT_NE(refused("mpi", test_world().rank() == 0 ? "cpu" : "cuda:0").find("the kind of device differs"),
            std::string::npos);
}

TEST(BackendsOverMpi, CudaIsNotMapped) {
  if (!find_gpus().ids.empty()) GTEST_SKIP() << "this machine has a GPU";
  const auto communicator = make_communicator(test_world(), "auto", "cpu");
  communicator->all_reduce(at::ones({3})).wait();
  std::ifstream file("/proc/self/maps");
  const std::string maps{std::istreambuf_iterator<char>(file), {}};
  for (const char* library :
       {"libtorch_cuda", "libc10_cuda", "libnccl", "libcublas", "libcudnn", "libringtrain_nccl"})
    EXPECT_EQ(maps.find(library), std::string::npos) << library;
}

}  // namespace
}  // namespace ringtrain
