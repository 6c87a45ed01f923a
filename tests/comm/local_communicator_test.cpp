#include "comm/local/local_communicator.h"

#include <gtest/gtest.h>

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

TEST(LocalCommunicatorDeathTest, AbortEndsTheProcessWithTheCode) {
  EXPECT_EXIT(LocalCommunicator().abort(9), testing::ExitedWithCode(9), "");
}

}  // namespace
}  // namespace ringtrain
