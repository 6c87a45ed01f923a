#include "comm/mpi/mpi_communicator.h"

#include <gtest/gtest.h>

#include <climits>

#include "comm/backends.h"
#include "common/errors.h"
#include "tests/comm/conformance.h"
#include "tests/comm/mpi_calls.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

const RingOptions plain{.algorithm = RingOptions::Algorithm::mpi};

// The limit on counts, and whether it is the true one.
class MpiConformance : public testing::TestWithParam<std::tuple<conformance::Case, std::int64_t>> {
 protected:
  void TearDown() override { set_mpi_count_limit_for_test(INT_MAX); }
};

TEST_P(MpiConformance, Holds) {
  const auto& [one, limit] = GetParam();
  set_mpi_count_limit_for_test(limit);
  mpi_calls().reset();
  const auto communicator = make_communicator(test_world(), "mpi", "cpu", plain);
  EXPECT_EQ(communicator->backend(), "mpi");
  one.body(*communicator);
  EXPECT_LE(mpi_calls().largest_count, limit);
}

std::string name_of(const testing::TestParamInfo<MpiConformance::ParamType>& info) {
  return std::get<0>(info.param).name + (std::get<1>(info.param) == 1000 ? "_split" : "");
}

INSTANTIATE_TEST_SUITE_P(Case, MpiConformance,
                         testing::Combine(testing::ValuesIn(conformance::all_cases()),
                                          testing::Values<std::int64_t>(INT_MAX)),
                         name_of);
// A limit matters to what moves much.
INSTANTIATE_TEST_SUITE_P(Split, MpiConformance,
                         testing::Combine(testing::ValuesIn(conformance::collective_cases()),
                                          testing::Values<std::int64_t>(1000)),
                         name_of);

class MpiSplit : public testing::Test {
 protected:
  void SetUp() override { mpi_calls().reset(); }
  void TearDown() override {
    set_mpi_count_limit_for_test(INT_MAX);
    mpi_calls().reset();
  }
  std::unique_ptr<Communicator> communicator_ = make_communicator(test_world(), "mpi", "cpu", plain);
  const std::int64_t ranks_ = test_world().world_size();
};

TEST_F(MpiSplit, CountsAboveTheLimitTakeSeveralCalls) {
  set_mpi_count_limit_for_test(1000);
  const at::Tensor tensor = at::zeros({3500});
  mpi_calls().reset();
  communicator_->all_reduce(tensor, ReduceOp::sum, Compare::never).wait();
  EXPECT_EQ(mpi_calls().calls, 4);
  EXPECT_EQ(mpi_calls().largest_count, 1000);

  mpi_calls().reset();
  communicator_->broadcast(tensor, 0, Compare::never).wait();
  EXPECT_EQ(mpi_calls().calls, 4);

  // MPI also adds up the counts of all ranks in an int.
  mpi_calls().reset();
  communicator_->all_gather(at::zeros({3500 * ranks_}), tensor, Compare::never).wait();
  const std::int64_t piece = 1000 / ranks_;
  EXPECT_EQ(mpi_calls().calls, (3500 + piece - 1) / piece);
  EXPECT_EQ(mpi_calls().largest_count, piece);

  mpi_calls().reset();
  communicator_->reduce_scatter(tensor, at::zeros({3500 * ranks_}), Compare::never).wait();
  EXPECT_EQ(mpi_calls().calls, (3500 + piece - 1) / piece);

  mpi_calls().reset();
  communicator_->all_to_all(at::zeros({3500 * ranks_}), at::zeros({3500 * ranks_}), Compare::never).wait();
  EXPECT_EQ(mpi_calls().calls, (3500 + piece - 1) / piece);
  EXPECT_EQ(mpi_calls().largest_count, piece);
}

TEST_F(MpiSplit, LargeSumsGoInPiecesOfOneMebibyte) {
  communicator_->all_reduce(at::zeros({3 * 262144 + 5}, at::kFloat), ReduceOp::sum, Compare::never).wait();
  EXPECT_EQ(mpi_calls().calls, 4);
  EXPECT_EQ(mpi_calls().largest_count, 262144);
}

TEST_F(MpiSplit, SmallTensorsTakeOneCall) {
  communicator_->all_reduce(at::zeros({1000}, at::kFloat), ReduceOp::sum, Compare::never).wait();
  EXPECT_EQ(mpi_calls().calls, 1);
}

// One small all-reduce tells the ranks that they agree.
TEST_F(MpiSplit, AComparisonTakesOneCall) {
  communicator_->broadcast(at::zeros({1000}), 0).wait();
  EXPECT_EQ(mpi_calls().calls, ranks_ == 1 ? 1 : 2);
}

TEST_F(MpiSplit, AnErrorOfMpiNamesTheCollective) {
  mpi_calls().fail_with = MPI_ERR_TRUNCATE;
  try {
    communicator_->all_reduce(at::zeros({7}, at::kBFloat16), ReduceOp::sum, Compare::never).wait();
    ADD_FAILURE() << "expected CommError";
  } catch (const CommError& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find("all_reduce of 7 bfloat16 on rank " + std::to_string(test_world().rank()) + " of " +
                        std::to_string(ranks_) + ": MPI_Allreduce failed: MPI_ERR_TRUNCATE"),
              0u)
        << text;
  }
}

TEST_F(MpiSplit, TensorsOfAnotherDeviceAreRefused) {
  const at::Tensor elsewhere = at::empty({4}, at::TensorOptions().device(at::kMeta));
  try {
    communicator_->all_reduce(elsewhere, ReduceOp::sum, Compare::never).wait();
    ADD_FAILURE() << "expected CommError";
  } catch (const CommError& error) {
    EXPECT_STREQ(
        error.what(),
        "all_reduce: tensor is on meta, but the mpi backend moves tensors in host memory only; choose "
        "comm.backend: nccl, or pass tensor.cpu()");
  }
  EXPECT_EQ(mpi_calls().calls, 0);
}

TEST(MpiHandle, IsMovedNotCopied) {
  static_assert(!std::is_copy_constructible_v<mpi::Handle> &&
                std::is_nothrow_move_constructible_v<mpi::Handle>);
  static_assert(!std::is_copy_constructible_v<mpi::MpiCommunicator>);
}

}  // namespace
}  // namespace ringtrain
