#include "models/norm.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

TEST(BatchNorm2d, NormalisesByTheBatchAndRemembersItByATenth) {
  const auto norm = make_batch_norm2d(1);
  const auto y = norm->forward(torch::tensor({1.0F, 2.0F, 3.0F, 6.0F}).reshape({2, 1, 2, 1}));
  // mean 3, variance 3.5 (population), 14 / 3 (sample)
  EXPECT_NEAR(y[0][0][0][0].item<double>(), -2 / std::sqrt(3.5 + 1e-5), 1e-6);
  const auto buffers = norm->named_buffers();
  EXPECT_NEAR(buffers["running_mean"].item<double>(), 0.3, 1e-6);
  EXPECT_NEAR(buffers["running_var"].item<double>(), 0.9 + 0.1 * 14 / 3, 1e-6);
  EXPECT_EQ(buffers["num_batches_tracked"].item<std::int64_t>(), 1);
}

TEST(BatchNorm2d, EvaluationUsesWhatItRememberedAndChangesNothing) {
  const auto norm = make_batch_norm2d(1);
  norm->named_buffers()["running_mean"].fill_(5);
  norm->named_buffers()["running_var"].fill_(4);
  norm->eval();
  const auto y = norm->forward(torch::full({1, 1, 1, 1}, 9.0F));
  EXPECT_NEAR(y.item<double>(), 2, 1e-5);
  EXPECT_EQ(norm->named_buffers()["running_mean"].item<double>(), 5);
  EXPECT_EQ(norm->named_buffers()["num_batches_tracked"].item<std::int64_t>(), 0);
}

TEST(BatchNorm2d, ItsCountStaysAWholeNumber) {
  const auto norm = make_batch_norm2d(2);
  norm->to(torch::kDouble);
  norm->to(torch::Device(torch::kCPU), torch::kDouble);
  EXPECT_EQ(norm->named_buffers()["num_batches_tracked"].scalar_type(), torch::kLong);
  EXPECT_EQ(norm->named_buffers()["running_var"].scalar_type(), torch::kDouble);
  norm->forward(torch::randn({3, 2, 2, 2}, torch::kDouble));
  EXPECT_EQ(norm->named_buffers()["num_batches_tracked"].item<std::int64_t>(), 1);
}

/// One value has no variance without bias: the running one would become no number.
TEST(BatchNorm2d, RefusesOneValueAChannelInTraining) {
  const auto norm = make_batch_norm2d(3);
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const auto x = torch::randn({1, 3, 1, 1}).contiguous(format);
    try {
      norm->forward_relu(x);
      FAIL();
    } catch (const TrainingError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("its input is [1, 3, 1, 1]"), std::string::npos) << text;
      EXPECT_NE(text.find("trainer.global_batch_size"), std::string::npos) << text;
    }
  }
  EXPECT_EQ(norm->named_buffers()["num_batches_tracked"].item<std::int64_t>(), 0);
  EXPECT_TRUE(torch::equal(norm->named_buffers()["running_var"], torch::ones({3})));
  EXPECT_NO_THROW(norm->forward(torch::randn({2, 3, 1, 1})));
  EXPECT_NO_THROW(norm->forward(torch::randn({0, 3, 1, 1})));
  norm->eval();
  EXPECT_NO_THROW(norm->forward(torch::randn({1, 3, 1, 1})));
}

}  // namespace
}  // namespace ringtrain
