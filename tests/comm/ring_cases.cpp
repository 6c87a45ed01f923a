#include "tests/comm/ring_cases.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <thread>

namespace ringtrain::ring_cases {
namespace {

// Values whose sums round, so that another order of summation gives other bits.
at::Tensor rounding(Communicator& communicator, std::int64_t numel) {
  const at::Tensor values =
      at::arange(numel, at::kDouble).add_(1.0).mul_(0.7 + communicator.rank() * 0.31).sin_();
  return values.mul(1 + 1000.0 * (communicator.rank() % 2)).to(at::kFloat);
}

std::int64_t sum_of_elements(Communicator& communicator, std::int64_t i, std::int64_t factor = 1) {
  std::int64_t sum = 0;
  for (int r = 0; r < communicator.world_size(); ++r) sum += factor * conformance::element(r, i);
  return sum;
}

// A comparison would wait for the other ranks: none were under way at the same time.
Work start(Communicator& communicator, const at::Tensor& tensor) {
  return communicator.all_reduce(tensor, ReduceOp::sum, Compare::never);
}

void expect_bits(const at::Tensor& a, const at::Tensor& b, const char* what) {
  EXPECT_EQ(0, std::memcmp(a.data_ptr(), b.data_ptr(), a.nbytes())) << what;
}

}  // namespace

void allocated_tensors(Communicator& communicator) {
  constexpr std::int64_t numel = 100'003;
  for (const auto dtype : conformance::dtypes()) {
    const at::Tensor whole = communicator.allocate(numel, at::TensorOptions(dtype));
    ASSERT_EQ(whole.numel(), numel);
    EXPECT_EQ(at::count_nonzero(whole).item<std::int64_t>(), 0);
    whole.copy_(conformance::filled(dtype, communicator.rank(), numel));
    std::vector<Work> works;
    const std::vector<std::int64_t> ends{1, 777, 20'000, 20'016, numel};
    std::int64_t begin = 0;
    for (const std::int64_t end : ends) {
      works.push_back(start(communicator, whole.narrow(0, begin, end - begin)));
      begin = end;
    }
    for (auto& work : works) work.wait();
    conformance::expect_elements(whole, conformance::describe(dtype, numel),
                                 [&](std::int64_t i) { return sum_of_elements(communicator, i); });
    conformance::expect_replicas_equal(communicator, whole, "allocated");
  }
}

void cuts_change_no_bit(Communicator& communicator) {
  constexpr std::int64_t numel = 300'000;
  at::Tensor first;
  // The last ones travel in the board itself.
  for (const std::int64_t bucket : {numel, std::int64_t{100'000}, std::int64_t{16'400}, std::int64_t{512}}) {
    const at::Tensor tensor = communicator.allocate(numel, at::TensorOptions(at::kFloat));
    tensor.copy_(rounding(communicator, numel));
    std::vector<Work> works;
    for (std::int64_t begin = 0; begin < numel; begin += bucket)
      works.push_back(start(communicator, tensor.narrow(0, begin, std::min(bucket, numel - begin))));
    for (auto& work : works) work.wait();
    if (!first.defined()) first = tensor;
    expect_bits(first, tensor, "cut into buckets");
    conformance::expect_replicas_equal(communicator, tensor, "cut");
  }
}

void many_under_way(Communicator& communicator) {
  const at::Tensor large = communicator.allocate(50 * 1000, at::TensorOptions(at::kDouble));
  std::vector<at::Tensor> tensors;
  std::vector<Work> works;
  for (std::int64_t i = 0; i < 50; ++i) {
    tensors.push_back(i % 3 == 0 ? at::empty({3}, at::kDouble) : large.narrow(0, i * 1000, 1000));
    tensors.back().fill_(static_cast<double>((communicator.rank() + 1) * (i + 1)));
    works.push_back(start(communicator, tensors.back()));
  }
  const int ranks = communicator.world_size();
  for (std::size_t i = works.size(); i-- > 0;) {
    works[i].wait();
    EXPECT_TRUE(
        at::all(tensors[i] == static_cast<double>(ranks * (ranks + 1) / 2) * static_cast<double>(i + 1))
            .item<bool>())
        << "all-reduce " << i;
  }
}

// More small ones at once than there are slots: a rank's own part of them may end before the others have
// begun.
void many_small_under_way(Communicator& communicator) {
  for (int round = 0; round < 20; ++round) {
    if (communicator.rank() == round % communicator.world_size())  // the others are ahead of it
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const at::Tensor numbers = at::full({60}, 1.0, at::kDouble);
    std::vector<Work> works;
    for (std::int64_t i = 0; i < numbers.numel(); ++i) {
      works.push_back(start(communicator, numbers.narrow(0, i, 1)));
      communicator.progress();
    }
    for (auto& work : works) work.wait();
    EXPECT_TRUE(at::all(numbers == communicator.world_size()).item<bool>()) << "round " << round;
  }
}

void pieces(Communicator& communicator) {
  constexpr std::int64_t numel = 1'300'001;
  const at::Tensor tensor = conformance::filled(at::kFloat, communicator.rank(), numel);
  communicator.all_reduce(tensor).wait();
  conformance::expect_elements(tensor, "pieces",
                               [&](std::int64_t i) { return sum_of_elements(communicator, i); });
}

std::vector<conformance::Case> all() {
  auto cases = conformance::all_cases();
  cases.push_back({"allocated_tensors", allocated_tensors});
  cases.push_back({"cuts_change_no_bit", cuts_change_no_bit});
  cases.push_back({"many_under_way", many_under_way});
  cases.push_back({"many_small_under_way", many_small_under_way});
  cases.push_back({"pieces", pieces});
  return cases;
}

}  // namespace ringtrain::ring_cases
