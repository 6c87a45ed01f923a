#include "data/order/split.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

Table table_of(const std::vector<std::int64_t>& classes, std::vector<std::string> labels) {
  Table table;
  table.numeric = torch::zeros({static_cast<std::int64_t>(classes.size()), 1});
  table.target = torch::tensor(classes, at::kLong);
  table.target_names = {"y"};
  table.labels = std::move(labels);
  return table;
}

Table numbers(std::int64_t rows) {
  Table table;
  table.numeric = torch::zeros({rows, 1});
  table.target = torch::rand({rows});
  return table;
}

Table flags(std::int64_t rows) {
  Table table = numbers(rows);
  table.target = (torch::arange(rows) % 2).to(at::kFloat).unsqueeze(1);
  table.labels = table.target_names = {"y"};
  return table;
}

void expect_partition(const Split& split, std::int64_t rows) {
  std::vector<std::int64_t> all;
  for (const auto* part : {&split.train, &split.validation, &split.test}) {
    EXPECT_TRUE(std::is_sorted(part->begin(), part->end()));
    all.insert(all.end(), part->begin(), part->end());
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(static_cast<std::int64_t>(all.size()), rows);
  for (std::int64_t row = 0; row < rows; ++row) ASSERT_EQ(all[static_cast<std::size_t>(row)], row);
}

TEST(Split, StratifiedSharesAreExact) {
  const SplitConfig config;
  for (std::int64_t rows : {10, 57, 1000, 12345}) {
    std::vector<std::int64_t> classes;
    for (std::int64_t row = 0; row < rows; ++row) classes.push_back(row % 10 == 0 ? 1 : row % 7 == 0 ? 2 : 0);
    const Table table = table_of(classes, {"a", "b", "c"});
    const Split split = make_split(config, table, 3);
    expect_partition(split, rows);
    for (std::int64_t c = 0; c < 3; ++c) {
      const auto of_class = [&](const std::vector<std::int64_t>& part) {
        return static_cast<double>(
            std::count_if(part.begin(), part.end(), [&](std::int64_t row) { return classes[row] == c; }));
      };
      const auto total = static_cast<double>(std::count(classes.begin(), classes.end(), c));
      EXPECT_LE(std::abs(of_class(split.train) - 0.7 * total), 1);
      EXPECT_LE(std::abs(of_class(split.validation) - 0.15 * total), 1);
      EXPECT_LE(std::abs(of_class(split.test) - 0.15 * total), 1);
    }
  }
}

TEST(Split, HashedSharesAreNearAndAppendedRowsMoveNothing) {
  const SplitConfig config;
  const Split small = make_split(config, numbers(20000), 3);
  const Split large = make_split(config, numbers(30000), 3);
  expect_partition(small, 20000);
  EXPECT_NEAR(static_cast<double>(small.train.size()), 14000, 4 * std::sqrt(20000 * 0.7 * 0.3));
  EXPECT_NEAR(static_cast<double>(small.test.size()), 3000, 4 * std::sqrt(20000 * 0.15 * 0.85));
  for (auto part : {&Split::train, &Split::validation, &Split::test}) {
    auto first = large.*part;
    first.erase(std::lower_bound(first.begin(), first.end(), 20000), first.end());
    EXPECT_EQ(first, small.*part);
  }
}

TEST(Split, FlagsAreSplitAsNumbersAre) {
  EXPECT_EQ(make_split({}, flags(1000), 3).train, make_split({}, numbers(1000), 3).train);
}

TEST(Split, TheSeedDecides) {
  const Table table = numbers(1000);
  EXPECT_EQ(make_split({}, table, 3).train, make_split({}, table, 3).train);
  EXPECT_NE(make_split({}, table, 3).train, make_split({}, table, 4).train);
  const Table classes = table_of(std::vector<std::int64_t>(1000, 0), {"a"});
  EXPECT_NE(make_split({}, classes, 3).train, make_split({}, classes, 4).train);
}

TEST(Split, PartsOfShareZeroAreEmpty) {
  std::vector<std::int64_t> classes(1000);
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::int64_t>(i % 2);
  for (const Table& table : {numbers(1000), table_of(classes, {"0", "1"})}) {
    const Split all = make_split({.train = 1, .validation = 0, .test = 0}, table, 3);
    EXPECT_EQ(all.train.size(), 1000u);
    const Split two = make_split({.train = 0.1 + 0.2, .validation = 0.7, .test = 0}, table, 3);
    expect_partition(two, 1000);
    EXPECT_TRUE(two.test.empty());
    const Split rest = make_split({.train = 0.8, .validation = 0, .test = 0.2}, table, 3);
    EXPECT_TRUE(rest.validation.empty());
    EXPECT_FALSE(rest.test.empty());
  }
}

TEST(Split, RefusesATrainingPartWithoutAClass) {
  std::vector<std::int64_t> classes(100, 0);
  classes[17] = 1;
  const Table table = table_of(classes, {"no", "yes"});
  const std::string text =
      testing::data_error([&] { make_split({.train = 0.2, .validation = 0.4, .test = 0.4}, table, 1); });
  EXPECT_CONTAINS(text, "the class 'yes' of column 'y' has 1 row in the file and none in the training part");
  EXPECT_NO_THROW(make_split({}, table, 1));
}

TEST(Split, RefusesAnEmptyTrainingPart) {
  EXPECT_CONTAINS(testing::data_error([&] {
                    make_split({.train = 1e-9, .validation = 0, .test = 1 - 1e-9}, numbers(10), 1);
                  }),
                  "the training part is empty");
}

}  // namespace
}  // namespace ringtrain
