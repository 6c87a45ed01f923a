#include "data/table/synthetic_fraud.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "common/files.h"
#include "common/hash.h"
#include "data/table/table.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;

TEST(SyntheticFraud, IsTheSameForASeed) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "fraud.csv";
  write_synthetic_fraud(file, 2000, 1);
  EXPECT_EQ(hash_file(file), "8a39091f03f9b602");
  const std::string first = read_file(file);
  write_synthetic_fraud(file, 2000, 2);
  EXPECT_NE(read_file(file), first);
}

TEST(SyntheticFraud, LooksLikeThePublicFile) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "fraud.csv";
  const std::int64_t rows = 60000;
  write_synthetic_fraud(file, rows, 1);
  EXPECT_TRUE(
      read_file(file).starts_with("\"Time\",\"V1\",\"V2\",\"V3\",\"V4\",\"V5\",\"V6\",\"V7\",\"V8\",\"V9\","
                                  "\"V10\",\"V11\",\"V12\",\"V13\",\"V14\",\"V15\",\"V16\","
                                  "\"V17\",\"V18\",\"V19\",\"V20\",\"V21\",\"V22\",\"V23\",\"V24\",\"V25\","
                                  "\"V26\",\"V27\",\"V28\",\"Amount\",\"Class\"\n"));
  const Table table = read_table(testing::config_for(file, "Class"), TargetKind::classes, at::kDouble);
  ASSERT_EQ(table.numeric.sizes(), (std::vector<std::int64_t>{rows, 30}));
  EXPECT_EQ(table.labels, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(table.target.sum().item<std::int64_t>(), 104);  // 60,000 × 0.0017275

  const auto time = table.numeric.select(1, 0);
  EXPECT_TRUE((time.diff() >= 0).all().item<bool>());
  EXPECT_LE(time.max().item<double>(), 172792);
  EXPECT_GT(time.max().item<double>(), 172000);
  EXPECT_TRUE(torch::equal(time, time.round()));
  const auto hour = (time / 3600).floor().fmod(24);
  const double night = (hour == 3).sum().item<double>(), day = (hour == 15).sum().item<double>();
  EXPECT_NEAR(day / night, 5, 0.6);

  const auto v = table.numeric.narrow(1, 1, 28);
  const auto spread = v.std(0);
  EXPECT_TRUE((spread.narrow(0, 1, 27) <= spread.narrow(0, 0, 27) * 1.03).all().item<bool>());
  const auto honest = v.index({table.target == 0});
  const auto correlation = torch::corrcoef(honest.t()) - torch::eye(28, at::kDouble);
  EXPECT_LT(correlation.abs().max().item<double>(), 0.03);

  const auto amount = table.numeric.select(1, 29);
  EXPECT_NEAR(amount.median().item<double>(), 22, 1);
  EXPECT_TRUE(torch::allclose(amount * 100, (amount * 100).round(), 0, 1e-6));
  EXPECT_GE(amount.min().item<double>(), 0);
}

TEST(SyntheticFraud, HasTheRightNumberOfFrauds) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "fraud.csv";
  for (const auto& [rows, frauds] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{10, 2}, {1000, 2}, {10000, 17}}) {
    write_synthetic_fraud(file, rows, 5);
    const Table table = read_table(testing::config_for(file, "Class"), TargetKind::classes, at::kDouble);
    EXPECT_EQ(table.rows(), rows);
    EXPECT_EQ(table.target.sum().item<std::int64_t>(), frauds);
  }
}

TEST(SyntheticFraud, LeavesNothingBehindWhenItFails) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_synthetic_fraud(folder.path() / "no" / "fraud.csv", 10, 1), Error);
  EXPECT_THROW(write_synthetic_fraud(folder.path() / "fraud.csv", 3, 1), ConfigError);
  std::filesystem::create_directories(folder.path() / "taken" / "x");
  EXPECT_THROW(write_synthetic_fraud(folder.path() / "taken", 10, 1), Error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace ringtrain
