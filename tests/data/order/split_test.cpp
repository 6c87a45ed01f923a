#include "data/order/split.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include "common/hash.h"
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

std::vector<std::uint64_t> groups_of(std::int64_t rows, std::int64_t groups) {
  std::vector<std::uint64_t> all;
  for (std::int64_t row = 0; row < rows; ++row) all.push_back(hash_bytes(fmt::format("g{}", row % groups)));
  return all;
}

/// The part of each row, 0 to 2; -1: none.
std::vector<int> parts_of(const Split& split, std::int64_t rows) {
  std::vector<int> parts(static_cast<std::size_t>(rows), -1);
  int number = 0;
  for (const auto* part : {&split.train, &split.validation, &split.test}) {
    for (const auto row : *part) parts[static_cast<std::size_t>(row)] = number;
    ++number;
  }
  return parts;
}

TEST(Split, FoldsOfClassesDifferByARowAtMost) {
  for (std::int64_t rows : {57, 569}) {
    std::vector<std::int64_t> classes;
    for (std::int64_t row = 0; row < rows; ++row) classes.push_back(row % 10 == 0 ? 1 : row % 7 == 0 ? 2 : 0);
    const Table table = table_of(classes, {"a", "b", "c"});
    for (const std::int64_t repeat : {1, 2}) {
      std::vector<int> tested(static_cast<std::size_t>(rows));
      std::array<std::int64_t, 4> fewest{rows, rows, rows, rows}, most{};
      for (std::int64_t fold = 1; fold <= 5; ++fold) {
        const Split split = make_split({.folds = 5, .fold = fold, .repeat = repeat}, table, 3);
        expect_partition(split, rows);
        std::array<std::int64_t, 4> counts{};
        for (const auto row : split.test) {
          ++tested[static_cast<std::size_t>(row)];
          ++counts[static_cast<std::size_t>(classes[static_cast<std::size_t>(row)])];
          ++counts[3];
        }
        for (std::size_t c = 0; c < counts.size(); ++c) {
          fewest[c] = std::min(fewest[c], counts[c]);
          most[c] = std::max(most[c], counts[c]);
        }
        // 0.15 of 0.85 of the rest, of each class to within one row.
        EXPECT_NEAR(static_cast<double>(split.validation.size()),
                    static_cast<double>(rows - counts[3]) * 0.15 / 0.85, 3);
      }
      for (std::size_t c = 0; c < fewest.size(); ++c) EXPECT_LE(most[c] - fewest[c], 1) << "class " << c;
      EXPECT_EQ(std::count(tested.begin(), tested.end(), 1), rows);
    }
  }
}

TEST(Split, FoldsOfNumbersAreEvenAndEachRepeatHasOthers) {
  const Table table = numbers(103);
  std::size_t all = 0;
  for (std::int64_t fold = 1; fold <= 5; ++fold) {
    const Split split = make_split({.folds = 5, .fold = fold}, table, 3);
    expect_partition(split, 103);
    EXPECT_TRUE(split.test.size() == 20 || split.test.size() == 21);
    all += split.test.size();
    EXPECT_NE(split.test, make_split({.folds = 5, .fold = fold, .repeat = 2}, table, 3).test);
    EXPECT_NE(split.test, make_split({.folds = 5, .fold = fold}, table, 4).test);
  }
  EXPECT_EQ(all, 103u);
  EXPECT_CONTAINS(testing::data_error([&] { make_split({.folds = 200, .fold = 200}, table, 1); }),
                  "fold 200 of 200 has no row: 103 rows do not make so many folds");
}

TEST(Split, TheNumbersOfClassesMoveNoRow) {
  std::vector<std::int64_t> classes, swapped;
  for (std::int64_t row = 0; row < 103; ++row) {
    classes.push_back(row % 3 == 0 ? 1 : 0);
    swapped.push_back(1 - classes.back());
  }
  for (std::int64_t fold = 1; fold <= 5; ++fold)
    EXPECT_EQ(make_split({.folds = 5, .fold = fold}, table_of(classes, {"no", "yes"}), 3).test,
              make_split({.folds = 5, .fold = fold}, table_of(swapped, {"yes", "no"}), 3).test);
}

TEST(Split, AClassThatSomeFoldsLackIsTold) {
  std::vector<std::int64_t> classes(100, 0);
  for (const std::size_t row : {3, 17, 40}) classes[row] = 1;
  EXPECT_CONTAINS(make_split({.folds = 5}, table_of(classes, {"no", "yes"}), 1).warning,
                  "the class 'yes' has 3 rows, fewer than data.split.folds (5)");
}

TEST(Split, AGroupIsInOnePart) {
  constexpr std::int64_t rows = 2000, groups = 400;
  Table table = numbers(rows);
  table.groups = groups_of(rows, groups);
  for (const std::int64_t folds : {0, 4})
    for (std::int64_t fold = 1; fold <= std::max<std::int64_t>(1, folds); ++fold) {
      const Split split = make_split({.group = "patient", .folds = folds, .fold = fold}, table, 3);
      expect_partition(split, rows);
      const auto parts = parts_of(split, rows);
      for (std::int64_t row = groups; row < rows; ++row)
        ASSERT_EQ(parts[static_cast<std::size_t>(row)], parts[static_cast<std::size_t>(row % groups)]);
      EXPECT_NEAR(static_cast<double>(split.test.size()), folds == 0 ? 300 : 500, folds == 0 ? 90 : 5);
      EXPECT_NEAR(static_cast<double>(split.validation.size()), folds == 0 ? 300 : 1500 * 0.15 / 0.85,
                  folds == 0 ? 90 : 5);
      EXPECT_EQ(split.warning, "");
      EXPECT_NE(split.test, make_split({.group = "patient", .folds = folds, .fold = fold}, table, 4).test);
    }
}

TEST(Split, FoldsOfFewGroupsAreDealtAndTheirSharesAreTold) {
  Table table = numbers(100);
  table.groups.assign(100, hash_bytes("large"));
  for (std::size_t row = 0; row < 30; ++row) table.groups[row] = hash_bytes(fmt::format("g{}", row % 5));
  std::vector<int> tested(100);
  bool warned = false;
  for (std::int64_t fold = 1; fold <= 3; ++fold) {
    const Split split = make_split({.group = "patient", .folds = 3, .fold = fold}, table, 1);
    expect_partition(split, 100);
    for (const auto row : split.test) ++tested[static_cast<std::size_t>(row)];
    warned |= split.warning.find(
                  "data.split.group: the 6 groups of 'patient' stay whole: train, validation and "
                  "test have ") != std::string::npos;
  }
  EXPECT_EQ(std::count(tested.begin(), tested.end(), 1), 100);
  EXPECT_TRUE(warned);
  EXPECT_CONTAINS(
      testing::data_error([&] { make_split({.group = "patient", .folds = 7, .fold = 7}, table, 1); }),
      "fold 7 of 7 has no row: 100 rows do not make so many folds of whole groups");
}

TEST(Split, ByTimeTheOldestTrainAndTheNewestTest) {
  Table table = numbers(20);
  for (std::int64_t row = 0; row < 20; ++row) table.times.push_back(static_cast<double>((row * 7) % 20));
  const Split split = make_split({.time = "when"}, table, 3);
  expect_partition(split, 20);
  const auto parts = parts_of(split, 20);
  for (std::size_t row = 0; row < 20; ++row)
    EXPECT_EQ(parts[row], table.times[row] < 14 ? 0 : table.times[row] < 17 ? 1 : 2) << row;
  EXPECT_EQ(make_split({.time = "when"}, table, 4).test, split.test);
}

TEST(Split, RowsOfOneTimeStayTogether) {
  Table table = numbers(20);
  for (std::int64_t row = 0; row < 20; ++row) table.times.push_back(static_cast<double>(row / 5));
  const Split split = make_split({.time = "when"}, table, 3);
  EXPECT_EQ(split.train.size(), 15u);  // 14 were asked for; 10 are further away
  EXPECT_EQ(split.validation.size(), 0u);
  EXPECT_CONTAINS(split.warning,
                  "rows of the same 'when' stay together: train, validation and test have 75.0%");
}

/// As sklearn.model_selection.TimeSeriesSplit(n_splits=3) cuts 22 rows: tests begin at 7, 12 and 17.
TEST(Split, FoldsByTimeAreAWindowThatExpands) {
  Table table = numbers(22);
  for (std::int64_t row = 0; row < 22; ++row) table.times.push_back(static_cast<double>(row));
  for (std::int64_t fold = 1; fold <= 3; ++fold) {
    const Split split = make_split(
        {.train = 0.8, .validation = 0.2, .test = 0, .time = "when", .folds = 3, .fold = fold}, table, 3);
    const std::int64_t begin = 2 + 5 * fold;
    std::vector<std::int64_t> test(5);
    std::iota(test.begin(), test.end(), begin);
    EXPECT_EQ(split.test, test);
    const auto before = static_cast<std::int64_t>(split.train.size() + split.validation.size());
    EXPECT_EQ(before, begin);
    EXPECT_EQ(split.validation.front(), static_cast<std::int64_t>(split.train.size()));
    EXPECT_EQ(static_cast<std::int64_t>(split.validation.size()),
              std::llround(0.2 * static_cast<double>(begin)));
  }
}

}  // namespace
}  // namespace ringtrain
