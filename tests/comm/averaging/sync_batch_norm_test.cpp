#include "comm/averaging/sync_batch_norm.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "comm/backends.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr double kMomentum = 0.1, kEpsilon = 1e-5;

/// What a batch norm keeps and computes over two batches.
struct Answer {
  at::Tensor y{}, of_x{}, of_weight{}, of_bias{}, mean, variance;
};

struct Problem {
  at::Tensor x, slope, weight, bias;
  explicit Problem(const std::vector<std::int64_t>& shape) {
    torch::manual_seed(9);
    x = 3 * torch::randn(shape, at::kDouble) + 100;  // a mean that is large beside the deviation
    slope = torch::randn(shape, at::kDouble);
    weight = torch::rand({kChannels}, at::kDouble) + 0.5;
    bias = torch::randn({kChannels}, at::kDouble);
  }
};

/// LibTorch's batch norm on the joined batch is the independent computation.
Answer joined(const Problem& problem) {
  const auto x = problem.x.clone().requires_grad_(), weight = problem.weight.clone().requires_grad_(),
             bias = problem.bias.clone().requires_grad_();
  Answer answer{.mean = at::zeros({kChannels}, at::kDouble), .variance = at::ones({kChannels}, at::kDouble)};
  for (int pass = 0; pass < 2; ++pass) {
    answer.y =
        at::batch_norm(x, weight, bias, answer.mean, answer.variance, true, kMomentum, kEpsilon, false);
    (answer.y * answer.y.detach().sin() * problem.slope).sum().backward();
  }
  answer.of_x = x.grad(), answer.of_weight = weight.grad(), answer.of_bias = bias.grad();
  return answer;
}

/// One rank's share of the same: rows [begin, end).
Answer share(const Problem& problem, std::int64_t begin, std::int64_t end, at::ScalarType type,
             at::ScalarType of_weights, Communicator& communicator) {
  const auto x = problem.x.narrow(0, begin, end - begin).to(type).clone().requires_grad_();
  const auto weight = problem.weight.to(of_weights).clone().requires_grad_(),
             bias = problem.bias.to(of_weights).clone().requires_grad_();
  const auto slope = problem.slope.narrow(0, begin, end - begin).to(type);
  Answer answer{.mean = at::zeros({kChannels}, of_weights), .variance = at::ones({kChannels}, of_weights)};
  for (int pass = 0; pass < 2; ++pass) {
    answer.y =
        sync_batch_norm(x, weight, bias, answer.mean, answer.variance, kMomentum, kEpsilon, communicator);
    (answer.y * answer.y.detach().sin() * slope).sum().backward();
  }
  answer.of_x = x.grad();
  answer.of_weight = weight.grad().clone(), answer.of_bias = bias.grad().clone();
  communicator.all_reduce(answer.of_weight).wait();
  communicator.all_reduce(answer.of_bias).wait();
  return answer;
}

void near(const at::Tensor& ours, const at::Tensor& theirs, double tolerance, const char* what) {
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
  const double scale = std::max(1.0, theirs.numel() ? theirs.abs().max().item<double>() : 0.0);
  const double difference = ours.numel() ? (ours.to(at::kDouble) - theirs).abs().max().item<double>() : 0.0;
  EXPECT_LE(difference, tolerance * scale) << what;
}

/// `bounds`: rank r has the rows [bounds[r], bounds[r + 1]).
void compare(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& bounds,
             at::ScalarType type, at::ScalarType of_weights, double tolerance) {
  const Problem problem(shape);
  const Answer expected = joined(problem);
  std::vector<Answer> answers(bounds.size() - 1);
  run_as_threads(static_cast<int>(answers.size()), [&](Communicator& communicator) {
    const auto r = static_cast<std::size_t>(communicator.rank());
    answers[r] = share(problem, bounds[r], bounds[r + 1], type, of_weights, communicator);
  });
  for (std::size_t r = 0; r < answers.size(); ++r) {
    SCOPED_TRACE(testing::Message() << answers.size() << " ranks, rank " << r);
    const auto rows = [&](const at::Tensor& whole) {
      return whole.narrow(0, bounds[r], bounds[r + 1] - bounds[r]);
    };
    near(answers[r].y, rows(expected.y), tolerance, "y");
    near(answers[r].of_x, rows(expected.of_x), tolerance, "gradient of x");
    near(answers[r].of_weight, expected.of_weight, tolerance, "gradient of weight");
    near(answers[r].of_bias, expected.of_bias, tolerance, "gradient of bias");
    near(answers[r].mean, expected.mean, tolerance, "running mean");
    near(answers[r].variance, expected.variance, tolerance, "running variance");
    EXPECT_TRUE(at::equal(answers[r].mean, answers[0].mean)) << "the same bits on every rank";
    EXPECT_TRUE(at::equal(answers[r].variance, answers[0].variance)) << "the same bits on every rank";
  }
}

TEST(SyncBatchNorm, IsBatchNormOfTheJoinedBatch) {
  for (const auto& bounds :
       std::vector<std::vector<std::int64_t>>{{0, 7}, {0, 3, 7}, {0, 1, 5, 7}, {0, 2, 4, 6, 7}})
    compare({7, kChannels, 4, 5}, bounds, at::kDouble, at::kDouble, 1e-9);
}

TEST(SyncBatchNorm, RanksWithoutSamplesJoinIn) {
  compare({7, kChannels, 4, 5}, {0, 0, 7}, at::kDouble, at::kDouble, 1e-9);
  compare({7, kChannels, 4, 5}, {0, 3, 3, 7, 7}, at::kDouble, at::kDouble, 1e-9);
}

TEST(SyncBatchNorm, TakesRowsWithoutSides) {
  compare({9, kChannels}, {0, 4, 9}, at::kDouble, at::kDouble, 1e-9);
  compare({9, kChannels, 2, 2, 2}, {0, 4, 9}, at::kDouble, at::kDouble, 1e-9);
}

TEST(SyncBatchNorm, OtherTypes) { compare({9, kChannels, 4, 4}, {0, 4, 9}, at::kFloat, at::kFloat, 1e-4); }

TEST(SyncBatchNorm, WithoutWeightAndBias) {
  const Problem problem({7, kChannels, 4});
  const auto whole = problem.x.clone().requires_grad_();
  const auto expected = at::batch_norm(whole, {}, {}, {}, {}, true, kMomentum, kEpsilon, false);
  (expected * problem.slope).sum().backward();
  run_as_threads(2, [&](Communicator& communicator) {
    const auto rows = [&](const at::Tensor& all) {
      return all.narrow(0, 3 * communicator.rank(), 3 + communicator.rank());
    };
    const auto x = rows(problem.x).clone().requires_grad_();
    const auto y = sync_batch_norm(x, {}, {}, at::zeros({kChannels}, at::kDouble),
                                   at::ones({kChannels}, at::kDouble), kMomentum, kEpsilon, communicator);
    near(y.detach(), rows(expected).detach(), 1e-9, "y");
    (y * rows(problem.slope)).sum().backward();
    near(x.grad(), rows(whole.grad()), 1e-9, "gradient of x");
  });
}

TEST(SyncBatchNorm, SixteenBitsBesideFloat32) {
  // Values that both types hold, so that only answers are rounded.
  const Problem problem({8, kChannels, 4, 4});
  const auto x = ((problem.x - 70) * 2).round() / 2;
  const auto joined_x = x.clone().requires_grad_();
  const auto expected =
      at::batch_norm(joined_x, problem.weight, problem.bias, {}, {}, true, kMomentum, kEpsilon, false);
  (expected * problem.slope).sum().backward();
  const auto weight = problem.weight.to(at::kFloat), bias = problem.bias.to(at::kFloat);
  for (const auto type : {at::kBFloat16, at::kHalf})
    run_as_threads(2, [&](Communicator& communicator) {
      const auto rows = [&](const at::Tensor& whole) { return whole.narrow(0, 4 * communicator.rank(), 4); };
      const auto half = rows(x).to(type).requires_grad_();
      const auto y = sync_batch_norm(half, weight, bias, at::zeros({kChannels}), at::ones({kChannels}),
                                     kMomentum, kEpsilon, communicator);
      EXPECT_EQ(y.scalar_type(), type);
      near(y.detach(), rows(expected).detach(), 1e-2, "y");
      (y.to(at::kDouble) * rows(problem.slope)).sum().backward();
      EXPECT_EQ(half.grad().scalar_type(), type);
      near(half.grad(), rows(joined_x.grad()), 1e-2, "gradient of x");
    });
}

TEST(SyncBatchNorm, OneValueAChannelIsRefusedOnAllRanks) {
  std::atomic<int> refused = 0;
  run_as_threads(3, [&](Communicator& communicator) {
    const auto x = at::ones({communicator.rank() == 1 ? 1 : 0, kChannels});
    try {
      sync_batch_norm(x, at::ones({kChannels}), at::zeros({kChannels}), at::zeros({kChannels}),
                      at::ones({kChannels}), kMomentum, kEpsilon, communicator);
    } catch (const TrainingError& error) {
      EXPECT_TRUE(error.agreed());
      EXPECT_NE(std::string(error.what()).find("global_batch_size"), std::string::npos);
      ++refused;
    }
  });
  EXPECT_EQ(refused, 3);
}

TEST(SyncBatchNorm, AnEmptyJoinedBatchChangesNothing) {
  run_as_threads(2, [&](Communicator& communicator) {
    const auto x = at::zeros({0, kChannels, 2, 2}).requires_grad_();
    const auto mean = at::full({kChannels}, 5.0), variance = at::full({kChannels}, 7.0);
    const auto y = sync_batch_norm(x, at::ones({kChannels}).requires_grad_(), at::zeros({kChannels}), mean,
                                   variance, kMomentum, kEpsilon, communicator);
    y.sum().backward();
    EXPECT_EQ(y.sizes(), x.sizes());
    EXPECT_TRUE(at::equal(mean, at::full({kChannels}, 5.0)));
    EXPECT_TRUE(at::equal(variance, at::full({kChannels}, 7.0)));
  });
}

}  // namespace
}  // namespace ringtrain
