#include "trainer/checkpoint/checkpoint_writer.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <fstream>
#include <limits>

#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

class Writer : public testing::Test {
 protected:
  static Checkpoint at_step(std::int64_t step, double value = 1) {
    Checkpoint checkpoint;
    checkpoint.step = step;
    checkpoint.weights["layer.weight"] = torch::full({2, 2}, value);
    checkpoint.optimizer["momentum/layer.weight"] = torch::full({2, 2}, -value);
    checkpoint.progress = nlohmann::json::object();
    checkpoint.preprocessing = nlohmann::json::object();
    checkpoint.config = "name: x\n";
    return checkpoint;
  }
  const test::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(Writer, WritesInOrderAndReports) {
  const CheckpointStore store(folder_);
  CheckpointWriter writer(store, {.keep = 2});
  for (const std::int64_t step : {10, 20, 30})
    writer.write(at_step(step, static_cast<double>(step)), step == 10);
  writer.wait();
  const auto reports = writer.take_reports();
  ASSERT_EQ(reports.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(reports[i].step, static_cast<std::int64_t>(10 * (i + 1)));
    EXPECT_EQ(reports[i].error, "");
    EXPECT_EQ(reports[i].bytes, 32U);
  }
  EXPECT_TRUE(writer.take_reports().empty());
  EXPECT_EQ(store.steps(), (std::vector<std::int64_t>{10, 20, 30})) << "two newest and the best";
  EXPECT_TRUE(at::equal(store.load(30).weights.at("layer.weight"), torch::full({2, 2}, 30.0)));
}

TEST_F(Writer, TensorsMayChangeOnceItHasWaited) {
  const CheckpointStore store(folder_);
  CheckpointWriter writer(store, {});
  auto checkpoint = at_step(10, 1);
  const auto shared = checkpoint.weights.at("layer.weight");
  writer.write(checkpoint, false);
  writer.wait();
  shared.fill_(7);
  EXPECT_TRUE(at::equal(store.load(10).weights.at("layer.weight"), torch::full({2, 2}, 1.0)));
}

TEST_F(Writer, AFailureIsReportedAndTheNextOneTried) {
  const CheckpointStore store(folder_ / "inside");
  CheckpointWriter writer(store, {});
  fs::create_directories(folder_);
  std::ofstream(folder_ / "inside") << "a file where the folder should be";
  writer.write(at_step(10), false);
  writer.wait();
  fs::remove(folder_ / "inside");
  fs::create_directories(folder_ / "inside");
  writer.write(at_step(20), false);
  writer.wait();
  const auto reports = writer.take_reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_NE(reports[0].error.find("inside"), std::string::npos) << reports[0].error;
  EXPECT_EQ(reports[1].error, "");
  EXPECT_EQ(store.steps(), (std::vector<std::int64_t>{20}));
}

TEST_F(Writer, WeightsThatAreNotFiniteAreNotWritten) {
  const CheckpointStore store(folder_);
  CheckpointWriter writer(store, {});
  writer.write(at_step(10), true);
  writer.write(at_step(20, std::numeric_limits<double>::quiet_NaN()), true);
  writer.wait();
  EXPECT_EQ(writer.take_reports().back().error, "the weights 'layer.weight' are not finite");
  EXPECT_EQ(store.load_newest().step, 10);
  EXPECT_EQ(store.best(), 10);
}

TEST_F(Writer, KeepsForGoodWhatItIsToldTo) {
  const CheckpointStore store(folder_);
  {
    CheckpointWriter writer(store, {.keep = 1, .keep_every = 20});
    for (std::int64_t step = 10; step <= 50; step += 10) writer.write(at_step(step), false);
  }
  EXPECT_EQ(store.steps(), (std::vector<std::int64_t>{20, 40, 50}));
}

}  // namespace
}  // namespace ringtrain
