#include "trainer/data_kinds/table_parts.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/data/temporary_file.h"
#include "trainer/run_config.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;

TableConfig config_of(const std::filesystem::path& file) {
  auto config = testing::config_for(file, "y");
  config.weight = "w";
  return config;
}

/// As a regression reads them.
TableParts read(const TableConfig& config) {
  static const RunConfig run;
  static const std::optional<Preprocessing> none;
  const auto task = regression_kind();
  return read_parts(config, {config.train_file, *task, run.model.kind(), 42, at::kFloat, none});
}

TEST(TableParts, EachHasItsWeights) {
  const TemporaryFolder folder;
  auto config = config_of(folder.write("train.csv", "a,w,y\n1,0,5\n2,3,6\n"));
  config.validation_file = folder.write("validation.csv", "y,w,a\n7,0.5,3\n").string();
  const auto parts = read(config);
  EXPECT_TRUE(torch::equal(parts.train.weight, torch::tensor({0.0, 3.0}, at::kDouble)));
  EXPECT_TRUE(torch::equal(parts.of_validation().weight, torch::tensor({0.5}, at::kDouble)));
  config.validation_file = folder.write("without.csv", "y,a\n7,3\n").string();
  EXPECT_CONTAINS(testing::data_error([&] { read(config); }), "without.csv lacks the column 'w'");
}

TEST(TableParts, ATrainingPartWithoutAnyWeightIsRefused) {
  const TemporaryFolder folder;
  auto config = config_of(folder.write("train.csv", "a,w,y\n1,0,5\n2,0,6\n"));
  const std::string expected =
      "column 'w' (data.weight) is 0 in all 2 rows of the training part, so that nothing can be learned";
  config.split = {.train = 1, .validation = 0, .test = 0};
  EXPECT_CONTAINS(testing::data_error([&] { read(config); }), expected);
  config.validation_file = folder.write("validation.csv", "a,w,y\n1,1,5\n").string();
  EXPECT_CONTAINS(testing::data_error([&] { read(config); }), expected);
}

}  // namespace
}  // namespace ringtrain
