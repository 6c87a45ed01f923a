#include "trainer/setup/table_parts.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;

RunConfig config_of(const std::filesystem::path& file) {
  RunConfig config;
  config.task.type = "regression";
  config.data = testing::config_for(file, "y");
  config.data.weight = "w";
  return config;
}

TEST(TableParts, EachHasItsWeights) {
  const TemporaryFolder folder;
  auto config = config_of(folder.write("train.csv", "a,w,y\n1,0,5\n2,3,6\n"));
  config.data.validation_file = folder.write("validation.csv", "y,w,a\n7,0.5,3\n").string();
  const auto parts = read_parts(config, at::kFloat, nullptr);
  EXPECT_TRUE(torch::equal(parts.train.weight, torch::tensor({0.0, 3.0}, at::kDouble)));
  EXPECT_TRUE(torch::equal(parts.of_validation().weight, torch::tensor({0.5}, at::kDouble)));
  config.data.validation_file = folder.write("without.csv", "y,a\n7,3\n").string();
  EXPECT_CONTAINS(testing::data_error([&] { read_parts(config, at::kFloat, nullptr); }),
                  "without.csv lacks the column 'w'");
}

TEST(TableParts, ATrainingPartWithoutAnyWeightIsRefused) {
  const TemporaryFolder folder;
  auto config = config_of(folder.write("train.csv", "a,w,y\n1,0,5\n2,0,6\n"));
  const std::string expected =
      "column 'w' (data.weight) is 0 in all 2 rows of the training part, so that nothing can be learned";
  config.data.split = {.train = 1, .validation = 0, .test = 0};
  EXPECT_CONTAINS(testing::data_error([&] { read_parts(config, at::kFloat, nullptr); }), expected);
  config.data.validation_file = folder.write("validation.csv", "a,w,y\n1,1,5\n").string();
  EXPECT_CONTAINS(testing::data_error([&] { read_parts(config, at::kFloat, nullptr); }), expected);
}

}  // namespace
}  // namespace ringtrain
