#include "data/table/table_dataset.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace ringtrain {
namespace {

Table example() {
  Table table;
  table.numeric_names = {"a", "b"};
  table.numeric = torch::arange(20, at::kFloat).reshape({10, 2});
  table.categorical_names = {"w"};
  table.categorical = {{"x", "y", "x", "y", "x", "y", "x", "y", "x", "y"}};
  table.target = torch::arange(10, at::kLong) % 2;
  table.labels = {"0", "1"};
  return table;
}

Preprocessing fitted() {
  Preprocessing p;
  p.numeric = {{.name = "a", .shift = 2, .scale = 2, .fill = {}},
               {.name = "b", .shift = 0, .scale = 1, .fill = {}}};
  p.categorical = {{.name = "w", .vocabulary = {"x", "y"}, .missing_is_category = false}};
  return p;
}

TEST(TableDataset, ReadsSamplesInTheAskedOrder) {
  const TableDataset dataset(example(), fitted(), {9, 4, 1});
  EXPECT_EQ(dataset.size(), 3);
  const Batch batch = dataset.read({2, 0, 2});
  EXPECT_TRUE(torch::equal(batch.sample, torch::tensor({1, 9, 1}, at::kLong)));
  EXPECT_TRUE(torch::equal(batch.targets, torch::tensor({1, 1, 1}, at::kLong)));
  EXPECT_TRUE(torch::equal(
      batch.inputs, torch::tensor({{0.f, 3.f, 0.f, 1.f}, {32.f, 19.f, 0.f, 1.f}, {0.f, 3.f, 0.f, 1.f}})));
}

TEST(TableDataset, ATableOfWordsAlone) {
  auto table = example();
  table.numeric_names.clear();
  table.numeric = torch::empty({10, 0}, at::kFloat);
  auto preprocessing = fitted();
  preprocessing.numeric.clear();
  const TableDataset dataset(table, preprocessing, {9, 4, 1});
  EXPECT_TRUE(torch::equal(dataset.read({0, 1}).inputs, torch::tensor({{0.f, 1.f}, {1.f, 0.f}})));
}

TEST(TableDataset, ReadsNothing) {
  const TableDataset dataset(example(), fitted(), {9, 4, 1});
  const Batch batch = dataset.read({});
  EXPECT_EQ(batch.size(), 0);
  EXPECT_EQ(batch.inputs.only().sizes(), (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(batch.targets.only().scalar_type(), at::kLong);
}

TEST(TableDataset, MayBeEmpty) {
  const TableDataset dataset(example(), fitted(), {});
  EXPECT_EQ(dataset.size(), 0);
  EXPECT_EQ(dataset.read({}).inputs.only().sizes(), (std::vector<std::int64_t>{0, 4}));
}

TEST(TableDataset, ReadsWeightsInTheAskedOrder) {
  Table table = example();
  EXPECT_FALSE(TableDataset(table, fitted(), {9, 4, 1}).read({0}).weights.defined());
  table.weight = torch::arange(10, at::kDouble) / 3;
  const TableDataset dataset(table, fitted(), {9, 4, 1});
  EXPECT_TRUE(
      torch::equal(dataset.read({2, 0, 2}).weights, torch::tensor({1.0 / 3, 3.0, 1.0 / 3}, at::kDouble)));
  EXPECT_EQ(dataset.read({}).weights.sizes(), std::vector<std::int64_t>{0});
}

TEST(TableDataset, CodesStandBesideTheFeatures) {
  Table table = example();
  table.categorical_names = {"w", "v"};
  table.categorical.push_back({"", "a", "b", "c", "a", "b", "c", "a", "b", "new"});
  auto schema = fitted();
  schema.categorical.push_back({.name = "v",
                                .vocabulary = {"a", "b", "c"},
                                .missing_is_category = true,
                                .encoding = Encoding::embedding});
  const TableDataset dataset(table, schema, {9, 4, 1, 0, 3});
  const Batch batch = dataset.read({3, 0, 4});
  EXPECT_EQ(batch.size(), 3);
  EXPECT_TRUE(torch::equal(batch.inputs.at("categories"), torch::tensor({{0}, {1}, {4}}, at::kLong)));
  EXPECT_TRUE(
      torch::equal(batch.inputs.at("numeric"),
                   torch::tensor({{-4.f, 1.f, 1.f, 0.f}, {32.f, 19.f, 0.f, 1.f}, {8.f, 7.f, 0.f, 1.f}})));
}

TEST(TableDataset, ReadsSeveralTargets) {
  Table table = example();
  table.labels.clear();
  for (const std::int64_t width : {1, 2}) {
    table.target = torch::arange(10 * width, at::kFloat).reshape({10, width});
    const auto targets = TableDataset(table, fitted(), {9, 4, 1}).read({2, 0}).targets;
    EXPECT_TRUE(torch::equal(targets, table.target.index_select(0, torch::tensor({1, 9}, at::kLong))));
  }
}

TEST(TableDataset, KeepsFloatingTargets) {
  Table table = example();
  table.labels.clear();
  table.target = torch::arange(10, at::kDouble) / 4;
  table.numeric = table.numeric.to(at::kDouble);
  const Batch batch = TableDataset(table, fitted(), {3, 5}).read({1});
  EXPECT_EQ(batch.targets.only().item<double>(), 1.25);
  EXPECT_EQ(batch.inputs.only().scalar_type(), at::kDouble);
}

}  // namespace
}  // namespace ringtrain
