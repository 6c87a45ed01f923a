#include <gtest/gtest.h>

#include "comm/backends.h"
#include "tests/comm/ring_cases.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

struct Way {
  const char* name;
  RingOptions options;
};

class MpiRing : public testing::TestWithParam<std::tuple<conformance::Case, Way>> {};

TEST_P(MpiRing, Holds) {
  const auto& [one, way] = GetParam();
  const auto communicator = make_communicator(test_world(), "mpi", "cpu", way.options);
  EXPECT_EQ(communicator->backend(), "mpi");
  one.body(*communicator);
}

INSTANTIATE_TEST_SUITE_P(
    Case, MpiRing,
    testing::Combine(
        testing::ValuesIn(ring_cases::all()),
        testing::Values(Way{"shared", {}}, Way{"ring", {.algorithm = RingOptions::Algorithm::ring}},
                        Way{"two_a_host", {.thread = RingOptions::Thread::off, .ranks_per_host = 2}})),
    [](const auto& info) { return std::get<0>(info.param).name + "_" + std::get<1>(info.param).name; });

// What was allocated outlives the communicator that allocated it.
TEST(MpiRingMemory, StaysAfterTheCommunicator) {
  at::Tensor tensor;
  {
    const auto communicator = make_communicator(test_world(), "mpi", "cpu");
    tensor = communicator->allocate(5000, at::TensorOptions(at::kFloat));
    tensor.fill_(1);
    communicator->all_reduce(tensor).wait();
  }
  EXPECT_EQ(tensor.sum().item<float>(), 5000.0F * static_cast<float>(test_world().world_size()));
}

}  // namespace
}  // namespace ringtrain
