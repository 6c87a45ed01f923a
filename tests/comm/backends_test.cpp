#include "comm/backends.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "comm/gpu.h"
#include "comm/nccl/nccl_library.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

// This program is started by hand: one rank, no MPI.
TEST(World, StartedByHandIsOneRank) {
  ASSERT_FALSE(World::launched_by_mpi());
  World world;
  EXPECT_EQ(world.rank(), 0);
  EXPECT_EQ(world.world_size(), 1);
  EXPECT_EQ(world.local_rank(), 0);
  EXPECT_EQ(world.local_size(), 1);
  EXPECT_FALSE(world.host().empty());
  EXPECT_EQ(world.control().backend(), "local");
  world.close();
  world.close();
  EXPECT_THROW(world.control(), CommError);
}

TEST(World, KnowsItsLaunchers) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_STEP_NUM_TASKS"}) {
    EXPECT_FALSE(World::launched_by_mpi());
    setenv(name, "2", 1);
    EXPECT_TRUE(World::launched_by_mpi()) << name;
    unsetenv(name);
  }
  setenv("SLURM_PROCID", "0", 1);  // set in every batch script
  EXPECT_FALSE(World::launched_by_mpi());
  unsetenv("SLURM_PROCID");
}

std::string refused(const std::string& backend, const std::string& device) {
  World world;
  try {
    make_communicator(world, backend, device);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "made";
}

TEST(MakeCommunicator, OneRankIsLocal) {
  World world;
  EXPECT_EQ(choose_backend(world, "cpu"), "local");
  EXPECT_EQ(make_communicator(world, "auto", "cpu")->backend(), "local");
  EXPECT_EQ(make_communicator(world, "local", "cpu")->backend(), "local");
}

TEST(MakeCommunicator, UnknownNamesTheKnown) {
  const std::string known = nccl::is_built() ? "local, mpi, nccl" : "local, mpi";
  EXPECT_EQ(refused("ncl", "cpu"), "comm.backend: unknown 'ncl'; this build has: " + known);
}

TEST(MakeCommunicator, MpiNeedsALauncher) {
  EXPECT_EQ(refused("mpi", "cpu"),
            "comm.backend: mpi needs a process that an MPI launcher started; use mpirun, or --ranks, or "
            "comm.backend: auto");
}

TEST(MakeCommunicator, NcclNeedsAGpu) {
  if (!nccl::is_built()) GTEST_SKIP() << "this build has no NCCL";
  if (!find_gpus().ids.empty()) GTEST_SKIP() << "this machine has a GPU";
  World world;
  const std::string text = refused("nccl", "cuda:0");
  EXPECT_EQ(text.find("comm.backend: nccl needs a GPU for each rank; rank 0 on host " + world.host() +
                      " has none ("),
            0u)
      << text;
  EXPECT_NE(text.find("; use comm.backend: local"), std::string::npos) << text;
  const std::string reason = std::filesystem::exists("/dev/nvidiactl") ? "" : "/dev/nvidiactl is not there";
  EXPECT_NE(text.find(reason), std::string::npos) << text;
}

TEST(FindGpus, SaysWhyThereAreNone) {
  const Gpus gpus = find_gpus();
  EXPECT_EQ(gpus.ids.empty(), !gpus.why_none.empty());
}

std::string mapped_files() {
  std::ifstream maps("/proc/self/maps");
  return {std::istreambuf_iterator<char>(maps), {}};
}

// (libtorch_cpu.so of a CUDA build itself needs libcudart and libcupti, which are small.)
TEST(Cuda, IsNotMappedByACpuProcess) {
  World world;
  const auto communicator = make_communicator(world, "auto", "cpu");
  communicator->all_reduce(at::ones({3})).wait();
  choose_backend(world, "cpu");
  const std::string maps = mapped_files();
  EXPECT_NE(maps.find("libtorch_cpu"), std::string::npos);
  for (const char* library :
       {"libtorch_cuda", "libc10_cuda", "libnccl", "libcublas", "libcudnn", "libringtrain_nccl"})
    EXPECT_EQ(maps.find(library), std::string::npos) << library;
}

// The library can be opened, though no GPU may be here to use it, and brings LibTorch's CUDA part.
TEST(Nccl, TheLibraryOpens) {
  if (!nccl::is_built()) GTEST_SKIP() << "this build has no NCCL";
  EXPECT_EXIT(
      {
        nccl::load();
        std::exit(mapped_files().find("libtorch_cuda") != std::string::npos ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace ringtrain
