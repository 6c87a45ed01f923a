#include "comm/local/local_communicator.h"

#include <gtest/gtest.h>

#include "comm/backends.h"
#include "common/errors.h"
#include "tests/comm/conformance.h"

namespace ringtrain {
namespace {

class LocalConformance : public testing::TestWithParam<conformance::Case> {};

TEST_P(LocalConformance, Holds) {
  LocalCommunicator communicator;
  GetParam().body(communicator);
}

INSTANTIATE_TEST_SUITE_P(Case, LocalConformance, testing::ValuesIn(conformance::all_cases()),
                         [](const auto& info) { return info.param.name; });

TEST(LocalCommunicator, IsOfNoUseAfterTheWorld) {
  World world;
  const auto communicator = make_communicator(world, "local", "cpu"), second = communicator->duplicate();
  const at::Tensor one = at::ones({1});
  second->all_reduce(one).wait();
  world.close();
  for (const auto& made : {communicator.get(), second.get()}) {
    EXPECT_THROW(made->all_reduce(one), CommError);
    EXPECT_THROW(made->broadcast(one, 0, Compare::never), CommError);
    EXPECT_THROW(made->barrier(), CommError);
    EXPECT_THROW(made->duplicate(), CommError);
    EXPECT_THROW(made->allocate(1, at::TensorOptions(at::kFloat)), CommError);
  }
}

TEST(LocalCommunicatorDeathTest, AbortEndsTheProcessWithTheCode) {
  EXPECT_EXIT(LocalCommunicator().abort(9), testing::ExitedWithCode(9), "");
}

}  // namespace
}  // namespace ringtrain
