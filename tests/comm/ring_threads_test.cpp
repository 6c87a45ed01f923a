#include "comm/ring/thread_ring.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "common/errors.h"
#include "tests/comm/ring_cases.h"

namespace ringtrain {
namespace {

// Ranks, ranks of a host, and whether a thread moves the data.
using Shape = std::tuple<int, int, bool>;
class ThreadRing : public testing::TestWithParam<std::tuple<conformance::Case, Shape>> {};

RingOptions options_of(const Shape& shape) {
  return {.thread = std::get<2>(shape) ? RingOptions::Thread::on : RingOptions::Thread::off,
          .ranks_per_host = std::get<1>(shape)};
}

TEST_P(ThreadRing, Holds) {
  const auto& [one, shape] = GetParam();
  run_as_ring_of_threads(std::get<0>(shape), options_of(shape),
                         [&one = one](Communicator& communicator) { one.body(communicator); });
}

std::string name_of(const testing::TestParamInfo<ThreadRing::ParamType>& info) {
  const auto& [one, shape] = info.param;
  const auto& [ranks, per_host, thread] = shape;
  return one.name + "_" + std::to_string(ranks) + "_by_" + std::to_string(per_host) +
         (thread ? "_thread" : "");
}

INSTANTIATE_TEST_SUITE_P(Case, ThreadRing,
                         testing::Combine(testing::ValuesIn(ring_cases::all()),
                                          testing::Values(Shape{1, 0, false}, Shape{2, 0, false},
                                                          Shape{3, 0, true}, Shape{4, 0, false},
                                                          Shape{2, 1, true}, Shape{3, 1, false},
                                                          Shape{4, 2, true}, Shape{3, 2, false})),
                         name_of);

TEST(ThreadRingRules, CutsChangeNoBitOf16BitsOnTheWire) {
  run_as_ring_of_threads(3, {.wire = at::kBFloat16, .ranks_per_host = 1}, ring_cases::cuts_change_no_bit);
}

TEST(ThreadRingRules, HalfTheBytesOnTheWireKeepReplicasEqual) {
  for (const auto wire : {at::kBFloat16, at::kHalf}) {
    const RingOptions options{.wire = wire, .ranks_per_host = 1};
    run_as_ring_of_threads(3, options, [&](Communicator& communicator) {
      const at::Tensor tensor = communicator.allocate(100'000, at::TensorOptions(at::kFloat));
      const at::Tensor base = at::arange(100'000, at::kDouble).mul_(0.37).sin_();
      tensor.copy_(base * (communicator.rank() + 1));
      communicator.all_reduce(tensor).wait();
      conformance::expect_replicas_equal(communicator, tensor, "on the wire");
      const double worst = (tensor.to(at::kDouble) - base * 6).abs().max().item<double>();
      const double rounding = wire == at::kHalf ? 1.0 / 2048 : 1.0 / 256;
      EXPECT_GT(worst, 0.0) << "nothing was rounded: the wire carried float32";
      EXPECT_LT(worst, 6 * 3 * rounding);
      const at::Tensor exact = at::full({4}, 1.0 / 3, at::kDouble);  // only float32 is rounded
      communicator.all_reduce(exact).wait();
      EXPECT_DOUBLE_EQ(exact[0].item<double>(), 1.0);
    });
  }
}

std::string thrown_by(const std::function<void(Communicator&)>& body) {
  try {
    run_as_ring_of_threads(2, {}, body);
  } catch (const CommError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// The board shows it at no cost: a caller that does not ask for a comparison is told, too.
TEST(ThreadRingRules, DifferentAllReducesOfAHostAreAlwaysNamed) {
  const std::string text = thrown_by([](Communicator& communicator) {
    communicator.all_reduce(at::ones({5 + communicator.rank()}), ReduceOp::sum, Compare::never).wait();
  });
  EXPECT_EQ(text.find("all_reduce of "), 0u) << text;
  EXPECT_NE(text.find("rank 0 all_reduce of 5 float32 (sum); rank 1 all_reduce of 6 float32 (sum)"),
            std::string::npos)
      << text;
}

TEST(ThreadRingRules, MemoryThatOneRankAllocatedAndAnotherDidNotIsNamed) {
  const std::string text = thrown_by([](Communicator& communicator) {
    const auto allocated = communicator.allocate(600'000, at::TensorOptions(at::kFloat));
    communicator.all_reduce(communicator.rank() == 0 ? allocated : at::ones({600'000})).wait();
  });
  EXPECT_NE(text.find("one was made by Communicator::allocate, the other was not"), std::string::npos)
      << text;
}

TEST(ThreadRingRules, ARankThatHasGoneIsNoHang) {
  for (const bool throws : {true, false})
    for (const int per_host : {0, 1})
      EXPECT_ANY_THROW(run_as_ring_of_threads(3, {.ranks_per_host = throws ? per_host : 0},
                                              [&](Communicator& communicator) {
                                                if (communicator.rank() == 1) {
                                                  if (throws) throw std::runtime_error("rank 1 failed");
                                                  return;
                                                }
                                                communicator.all_reduce(at::ones({70'000})).wait();
                                              }));
}

}  // namespace
}  // namespace ringtrain
