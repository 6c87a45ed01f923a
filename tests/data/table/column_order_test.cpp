#include "data/table/column_order.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

Table example() {
  Table table;
  table.numeric_names = {"c", "a", "b"};
  table.numeric = torch::tensor({{30.0F, 10.0F, 20.0F}, {31.0F, 11.0F, 21.0F}});
  table.categorical_names = {"town", "colour"};
  table.categorical = {{"Ulm", "Bonn"}, {"red", "blue"}};
  return table;
}

Preprocessing fitted_on(const std::vector<std::string>& numbers, const std::vector<std::string>& words) {
  Preprocessing result;
  for (const auto& name : numbers)
    result.numeric.push_back({.name = name, .shift = 0, .scale = 1, .fill = {}});
  for (const auto& name : words)
    result.categorical.push_back({.name = name, .vocabulary = {}, .missing_is_category = false});
  return result;
}

TEST(ColumnOrder, ColumnsAreFoundByName) {
  Table table = example();
  EXPECT_EQ(order_columns(fitted_on({"a", "b"}, {"colour", "town"}), table), std::vector<std::string>{"c"});
  EXPECT_EQ(table.numeric_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(torch::equal(table.numeric, torch::tensor({{10.0F, 20.0F}, {11.0F, 21.0F}})));
  EXPECT_EQ(table.categorical, (std::vector<std::vector<std::string>>{{"red", "blue"}, {"Ulm", "Bonn"}}));
}

TEST(ColumnOrder, WhatIsMissingIsNamed) {
  Table table = example();
  EXPECT_CONTAINS(testing::data_error([&] {
                    order_columns(fitted_on({"a", "x"}, {"red"}), table);
                  }),
                  "the columns x, red that the checkpoint was trained on are not among the features");
}

}  // namespace
}  // namespace ringtrain
