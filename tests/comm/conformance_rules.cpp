#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "tests/comm/conformance.h"

namespace ringtrain::conformance {
namespace {

// Numbers with rounding errors in every type, the same for the same rank in every process.
at::Tensor rough(at::ScalarType dtype, int rank, std::int64_t numel) {
  at::Tensor values = at::empty({numel}, at::kDouble);
  double* to = values.data_ptr<double>();
  for (std::int64_t i = 0; i < numel; ++i)
    to[i] = std::sin(static_cast<double>(i) * 0.7 + rank * 1.3) * std::exp(static_cast<double>(i % 7) - 3.0);
  return values.to(dtype);
}

double tolerance(at::ScalarType dtype) {
  return dtype == at::kDouble ? 1e-14 : dtype == at::kFloat ? 1e-5 : dtype == at::kHalf ? 0.1 : 0.6;
}

void rounded_sums_are_near_and_the_same_everywhere(Communicator& communicator) {
  for (at::ScalarType dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    for (std::int64_t numel : sizes()) {
      const std::string what = "rounded sum of " + describe(dtype, numel);
      at::Tensor exact = at::zeros({numel}, at::kDouble);
      for (int r = 0; r < communicator.world_size(); ++r) exact += rough(dtype, r, numel).to(at::kDouble);
      const at::Tensor tensor = rough(dtype, communicator.rank(), numel);
      communicator.all_reduce(tensor).wait();
      EXPECT_TRUE(at::allclose(tensor.to(at::kDouble), exact, 0.0, tolerance(dtype))) << what;
      expect_replicas_equal(communicator, tensor, what);

      const at::Tensor again = rough(dtype, communicator.rank(), numel);
      communicator.all_reduce(again).wait();
      EXPECT_TRUE(again.equal(tensor)) << what << ": a second time it differs";
    }
  }
}

// With two ranks a sum has one rounding: it is the float sum, rounded.
void sixteen_bit_sums_are_rounded_once(Communicator& communicator) {
  if (communicator.world_size() != 2) return;
  for (at::ScalarType dtype : {at::kHalf, at::kBFloat16}) {
    const at::Tensor expected =
        (rough(dtype, 0, 1023).to(at::kFloat) + rough(dtype, 1, 1023).to(at::kFloat)).to(dtype);
    const at::Tensor tensor = rough(dtype, communicator.rank(), 1023);
    communicator.all_reduce(tensor).wait();
    EXPECT_TRUE(tensor.equal(expected)) << describe(dtype, 1023);
  }
}

void not_a_number_wins(Communicator& communicator) {
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               infinity = std::numeric_limits<double>::infinity();
  const bool last = communicator.rank() == communicator.world_size() - 1;
  for (at::ScalarType dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16})
    for (ReduceOp op : {ReduceOp::sum, ReduceOp::max, ReduceOp::min}) {
      if (op != ReduceOp::sum && communicator.backend() == "nccl") continue;  // its max(1, NaN) is 1
      const at::Tensor tensor =
          at::tensor({1.0, last ? nan : 1.0, last ? infinity : 2.0}, at::kDouble).to(dtype);
      communicator.all_reduce(tensor, op).wait();
      const at::Tensor result = tensor.to(at::kDouble);
      EXPECT_TRUE(std::isfinite(result[0].item<double>())) << c10::toString(dtype);
      EXPECT_TRUE(std::isnan(result[1].item<double>())) << c10::toString(dtype);
      const double expected = op != ReduceOp::min || communicator.world_size() == 1 ? infinity : 2.0;
      EXPECT_EQ(result[2].item<double>(), expected) << c10::toString(dtype);
    }
}

void barrier_waits_for_the_last(Communicator& communicator) {
  using Clock = std::chrono::steady_clock;
  communicator.barrier();
  const auto start = Clock::now();
  if (communicator.rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  communicator.barrier();
  EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(150));
}

// Two threads of each rank at once, each with its own communicator, in opposite order.
void duplicates_do_not_mix(Communicator& communicator) {
  const auto second = communicator.duplicate();
  const auto third = second->duplicate();
  EXPECT_EQ(second->rank(), communicator.rank());
  EXPECT_EQ(second->world_size(), communicator.world_size());
  EXPECT_EQ(second->backend(), communicator.backend());
  const auto use = [](Communicator& own, std::int64_t factor) {
    for (std::int64_t round = 1; round <= 50; ++round) {
      const at::Tensor tensor = at::full({257}, factor * round + own.rank(), at::kLong);
      own.all_reduce(tensor).wait();
      const std::int64_t ranks = own.world_size();
      const std::int64_t expected = ranks * factor * round + ranks * (ranks - 1) / 2;
      if (!tensor.eq(expected).all().item<bool>()) {
        ADD_FAILURE() << "round " << round << ": " << tensor[0].item<std::int64_t>() << ", expected "
                      << expected;
      }
    }
  };
  std::thread other([&] { use(*second, 1000); });
  use(*third, 7);
  other.join();
  use(communicator, 3);
}

void accessors(Communicator& communicator) {
  EXPECT_GE(communicator.rank(), 0);
  EXPECT_LT(communicator.rank(), communicator.world_size());
  const at::Tensor ranks = at::empty({communicator.world_size()}, at::kLong);
  communicator.all_gather(ranks, at::full({1}, communicator.rank(), at::kLong)).wait();
  EXPECT_TRUE(ranks.equal(at::arange(communicator.world_size(), at::kLong)));
}

}  // namespace

std::vector<Case> rule_cases() {
  return {{"rounded_sums_are_near_and_the_same_everywhere", rounded_sums_are_near_and_the_same_everywhere},
          {"sixteen_bit_sums_are_rounded_once", sixteen_bit_sums_are_rounded_once},
          {"not_a_number_wins", not_a_number_wins},
          {"barrier_waits_for_the_last", barrier_waits_for_the_last},
          {"duplicates_do_not_mix", duplicates_do_not_mix},
          {"accessors", accessors}};
}

}  // namespace ringtrain::conformance
