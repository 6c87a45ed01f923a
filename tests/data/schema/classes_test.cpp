#include "data/schema/classes.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using Names = std::vector<std::string>;

TEST(Classes, APositiveClassIsTheSecond) {
  EXPECT_EQ(with_positive({"left", "stayed"}, "stayed"), (Names{"left", "stayed"}));
  EXPECT_EQ(with_positive({"left", "stayed"}, "left"), (Names{"stayed", "left"}));
  EXPECT_EQ(with_positive({"0", "1"}, "0"), (Names{"1", "0"}));
  EXPECT_EQ(with_positive({"0", "1"}, "0.0"), (Names{"1", "0"}));
}

TEST(Classes, APositiveClassThatIsNotThereIsRefused) {
  try {
    with_positive({"left", "stayed"}, "stay");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_CONTAINS(
        error.what(),
        "task.positive: 'stay' is not a class of the target; there are: left, stayed. Did you mean "
        "'stayed'?");
  }
}

TEST(Classes, AnotherOrderGoesByName) {
  Table table;
  table.target_names = {"y"};
  table.labels = {"a", "b", "c"};
  table.numeric = torch::zeros({4, 1});
  table.target = torch::tensor({0, 1, 2, 1}, torch::kLong);
  use_labels(table, {"c", "a", "b"}, "t.csv");
  EXPECT_EQ(table.labels, (Names{"c", "a", "b"}));
  EXPECT_TRUE(torch::equal(table.target, torch::tensor({1, 2, 0, 2}, torch::kLong)));
  EXPECT_CONTAINS(testing::data_error([&] {
                    use_labels(table, {"c", "a"}, "t.csv");
                  }),
                  "t.csv: row 2: the class 'b' of column 'y' is not one of the model's: c, a");
  // A file may lack a class.
  table.labels = {"b"};
  table.target = torch::zeros({4}, torch::kLong);
  use_labels(table, {"a", "b"}, "t.csv");
  EXPECT_TRUE(torch::equal(table.target, torch::ones({4}, torch::kLong)));
}

TEST(Classes, WhatOnlyLooksAlikeIsNotOneClass) {
  EXPECT_EQ(name_classes({"7", "007"}).labels, (Names{"007", "7"}));
  EXPECT_EQ(name_classes({"10", "9", "1"}).labels, (Names{"1", "9", "10"}));
  EXPECT_EQ(name_classes({"7", "007"}, 1).labels, (Names{"7"}));
}

TEST(Classes, DecimalsAreCountedWhereAllAreNumbers) {
  EXPECT_EQ(count_decimals({"0.5", "1", "2.25"}), 2);
  EXPECT_EQ(count_decimals({"0", "1"}), 0);
  EXPECT_EQ(count_decimals({"0.5", "1", "much"}), 0);
}

}  // namespace
}  // namespace ringtrain
