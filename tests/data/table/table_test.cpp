#include "data/table/table.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <cstdlib>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::config_for;
using testing::TemporaryFolder;

std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& field : table.numeric_names) names.push_back(field.name);
  return names;
}

constexpr auto payments =
    "Time,V1,Shop,Amount,Class\n"
    "0,-1.5,food,2.69,0\n"
    "1,1e-3,travel,378.66,1\n"
    "1,2,food,0,0\n";

at::Tensor matrix(const std::vector<std::vector<double>>& rows, at::ScalarType dtype = at::kDouble) {
  std::vector<at::Tensor> tensors;
  for (const auto& row : rows) tensors.push_back(torch::tensor(row, at::kDouble));
  return torch::stack(tensors).to(dtype);
}

TEST(Table, ReadsNumbersWordsAndClasses) {
  const TemporaryFolder folder;
  auto config = config_for(folder.write("p.csv", payments), "Class");
  config.features.categorical = {"Shop"};
  const Table table = read_table(config, TargetKind::classes, at::kDouble);
  EXPECT_EQ(names_of(table), (std::vector<std::string>{"Time", "V1", "Amount"}));
  EXPECT_TRUE(torch::equal(table.numeric, matrix({{0, -1.5, 2.69}, {1, 1e-3, 378.66}, {1, 2, 0}})));
  EXPECT_EQ(table.categorical_names, (std::vector<std::string>{"Shop"}));
  EXPECT_EQ(table.categorical, (std::vector<std::vector<std::string>>{{"food", "travel", "food"}}));
  EXPECT_EQ(table.labels, (std::vector<std::string>{"0", "1"}));
  EXPECT_TRUE(torch::equal(table.target, torch::tensor({0, 1, 0}, at::kLong)));
  EXPECT_EQ(table.target_names, std::vector<std::string>{"Class"});
  EXPECT_EQ(table.rows(), 3);
}

TEST(Table, ReadsFloat32AndANumberAsTarget) {
  const TemporaryFolder folder;
  auto config = config_for(folder.write("p.csv", payments), "Amount");
  config.features.ignore = {"Shop", "Cl*"};
  const Table table = read_table(config, TargetKind::number, at::kFloat);
  EXPECT_TRUE(torch::equal(table.numeric, matrix({{0, -1.5}, {1, 1e-3}, {1, 2}}, at::kFloat)));
  EXPECT_TRUE(torch::equal(table.target, matrix({{2.69, 378.66, 0}}, at::kFloat)[0]));
  EXPECT_TRUE(table.labels.empty());
}

TEST(Table, PatternsChooseColumnsInTheFilesOrder) {
  const TemporaryFolder folder;
  auto config = config_for(folder.write("v.csv", "b,V2,V1,y\n1,2,3,0\n4,5,6,1\n"), "y");
  config.features.numeric = {"V*", "b"};
  config.features.ignore = {"V1"};
  EXPECT_EQ(names_of(read_table(config, TargetKind::classes, at::kFloat)),
            (std::vector<std::string>{"b", "V2"}));
}

TEST(Table, ReadsQuotedFieldsLikeThePublicFile) {
  const TemporaryFolder folder;
  const auto file = folder.write("q.csv", "\"Time\",\"V1\",\"Class\"\r\n0,\"-1.5\",\"0\"\r\n1,2,\"1\"\r\n");
  const Table table = read_table(config_for(file, "Class"), TargetKind::classes, at::kDouble);
  EXPECT_TRUE(torch::equal(table.numeric, matrix({{0, -1.5}, {1, 2}})));
  EXPECT_EQ(table.labels, (std::vector<std::string>{"0", "1"}));
}

std::vector<std::string> labels_of(const std::vector<std::string>& column, at::Tensor* classes = nullptr) {
  const TemporaryFolder folder;
  std::string content = "x,y\n";
  for (const auto& value : column) content += "1," + value + "\n";
  const Table table =
      read_table(config_for(folder.write("y.csv", content), "y"), TargetKind::classes, at::kFloat);
  if (classes) *classes = table.target;
  return table.labels;
}

TEST(Table, SortsWholeNumbersByValueAndWordsByText) {
  at::Tensor classes;
  EXPECT_EQ(labels_of({"10", "9", "-1", "10"}, &classes), (std::vector<std::string>{"-1", "9", "10"}));
  EXPECT_TRUE(torch::equal(classes, torch::tensor({2, 1, 0, 2}, at::kLong)));
  EXPECT_EQ(labels_of({"malignant", "benign"}), (std::vector<std::string>{"benign", "malignant"}));
  EXPECT_EQ(labels_of({"10", "9", "other"}), (std::vector<std::string>{"10", "9", "other"}));
}

TEST(Table, NamesIntegralFloatsByTheirInteger) {
  at::Tensor classes;
  EXPECT_EQ(labels_of({"1.0", "0.0", "1", "\"0\""}, &classes), (std::vector<std::string>{"0", "1"}));
  EXPECT_TRUE(torch::equal(classes, torch::tensor({1, 0, 1, 0}, at::kLong)));
}

TEST(Table, KeepsMissingValuesWhereTheyAreAllowed) {
  const TemporaryFolder folder;
  auto config = config_for(folder.write("m.csv", "a,w,y\n1,x,0\n,NA,1\nnan,,0\nNA,z,1\nNaN,\"\",0\n"), "y");
  config.features.categorical = {"w"};
  config.missing = {.numeric = "mean", .categorical = "category"};
  const Table table = read_table(config, TargetKind::classes, at::kDouble);
  EXPECT_EQ(table.numeric[0].item<double>(), 1);
  for (int row = 1; row < 5; ++row) EXPECT_TRUE(std::isnan(table.numeric[row].item<double>())) << row;
  EXPECT_EQ(table.categorical[0], (std::vector<std::string>{"x", "", "", "z", ""}));
}

TEST(Table, KeepsLineBreaksInsideQuotes) {
  const TemporaryFolder folder;
  auto config = config_for(folder.write("n.csv", "a,w,y\n1,\"two\nlines\",0\n2,b,1\n"), "y");
  config.features.categorical = {"w"};
  const Table table = read_table(config, TargetKind::classes, at::kDouble);
  EXPECT_EQ(table.categorical[0], (std::vector<std::string>{"two\nlines", "b"}));
}

TEST(Table, KeepsTheOrderOfAFileOfManyBlocks) {
  // 12 MB: Arrow reads it in several blocks, with threads.
  const TemporaryFolder folder;
  std::string content = "a,b,y\n";
  const std::int64_t rows = 600000;
  for (std::int64_t i = 0; i < rows; ++i)
    content += std::to_string(i) + ",-" + std::to_string(i) + ".5," + (i % 3 ? "0\n" : "1\n");
  const Table table =
      read_table(config_for(folder.write("big.csv", content), "y"), TargetKind::classes, at::kDouble);
  ASSERT_EQ(table.rows(), rows);
  const auto order = torch::arange(rows, at::kDouble);
  EXPECT_TRUE(torch::equal(table.numeric.select(1, 0), order));
  EXPECT_TRUE(torch::equal(table.numeric.select(1, 1), -order - 0.5));
  EXPECT_TRUE(torch::equal(table.target, (torch::arange(rows) % 3 == 0).to(at::kLong)));
}

TEST(Table, ReadsGzip) {
  const TemporaryFolder folder;
  const auto plain = folder.write("p.csv", payments);
  ASSERT_EQ(std::system(("gzip -k " + plain.string()).c_str()), 0);
  auto config = config_for(plain.string() + ".gz", "Class");
  config.features.ignore = {"Shop"};
  const Table table = read_table(config, TargetKind::classes, at::kDouble);
  EXPECT_TRUE(torch::equal(table.numeric, matrix({{0, -1.5, 2.69}, {1, 1e-3, 378.66}, {1, 2, 0}})));
}

TEST(Table, ReadsTheCancerDataOfTheRepository) {
  const auto config =
      config_for(std::filesystem::path(RINGTRAIN_SOURCE_DIR) / "datasets/cancer.csv", "diagnosis");
  const Table table = read_table(config, TargetKind::classes, at::kDouble);
  EXPECT_EQ(table.numeric.sizes(), (std::vector<std::int64_t>{569, 30}));
  EXPECT_EQ(table.numeric_names.front().name, "mean_radius");
  EXPECT_EQ(table.labels, (std::vector<std::string>{"benign", "malignant"}));
  EXPECT_EQ(table.target.sum().item<std::int64_t>(), 212);
  EXPECT_NEAR(table.numeric.select(1, 0).mean().item<double>(), 14.1273, 1e-4);
}

}  // namespace
}  // namespace ringtrain
