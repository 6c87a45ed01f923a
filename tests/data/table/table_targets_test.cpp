#include <gtest/gtest.h>
#include <torch/types.h>

#include <functional>
#include <limits>

#include "data/table/table.h"
#include "tests/data/parquet_writer.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::data_error;
using testing::TemporaryFolder;

using Names = std::vector<std::string>;
using Change = std::function<void(TableConfig&)>;

Names names_of(const Table& table) {
  Names names;
  for (const auto& field : table.numeric_names) names.push_back(field.name);
  return names;
}

class TableTargets : public ::testing::Test {
 protected:
  Table read(const std::string& content, const Names& targets, TargetKind kind, const Change& change = {},
             at::ScalarType dtype = at::kDouble, const Preprocessing* schema = nullptr) {
    TableConfig config;
    config.train_file = folder_.write("t.csv", content).string();
    config.targets = targets;
    if (change) change(config);
    return read_table(config, kind, dtype, schema);
  }
  std::string error_of(const std::string& content, const Names& targets, TargetKind kind,
                       const Change& change = {}, at::ScalarType dtype = at::kDouble) {
    return data_error([&] { read(content, targets, kind, change, dtype); });
  }
  TemporaryFolder folder_;
};

void weigh(TableConfig& config) { config.weight = "w"; }

void drop(TableConfig& config) { config.missing.target = "drop"; }

TEST_F(TableTargets, FlagsAreZeroAndOneHoweverWritten) {
  const auto table = read("red,a,blue\n0,5,true\n1.0,6,False\n1,7,TRUE\n", {"blue", "red"}, TargetKind::flags,
                          {}, at::kFloat);
  EXPECT_TRUE(torch::equal(table.target, torch::tensor({{1.F, 0.F}, {0.F, 1.F}, {1.F, 1.F}})));
  EXPECT_EQ(table.labels, (Names{"blue", "red"}));
  EXPECT_EQ(table.target_names, (Names{"blue", "red"}));
  EXPECT_EQ(names_of(table), Names{"a"});
  EXPECT_FALSE(table.has_classes());
}

TEST_F(TableTargets, OneFlagHasAColumn) {
  const auto table = read("a,red\n5,0\n6,1\n", {"red"}, TargetKind::flags);
  EXPECT_TRUE(torch::equal(table.target, torch::tensor({0.0, 1.0}, at::kDouble).reshape({2, 1})));
  EXPECT_EQ(table.labels, Names{"red"});
}

TEST_F(TableTargets, AFlagThatIsNoneIsNamed) {
  for (const char* wrong : {"2", "0.5", "-1", "yes", "inf", "9007199254740993"}) {
    const auto text = error_of(std::string("a,red,blue\n5,0,1\n6,1,") + wrong + "\n7,1,0\n", {"red", "blue"},
                               TargetKind::flags);
    EXPECT_CONTAINS(text, std::string("t.csv: row 2 (line 3), column 'blue': expected 0 or 1, got '") +
                              wrong + "'. Mend");
    EXPECT_CONTAINS(text, "data.target");
  }
  EXPECT_CONTAINS(error_of("a,red\n5,0\n6,3\n7,x\n8,4\n", {"red"}, TargetKind::flags),
                  "row 2 (line 3), column 'red': expected 0 or 1, got '3'");
}

TEST_F(TableTargets, AColumnNameThatReadsLikeAnErrorIsNoTrouble) {
  EXPECT_CONTAINS(error_of("a,\"x: expected a number, got it\"\n5,y\n", {"x: expected a number, got it"},
                           TargetKind::flags),
                  "column 'x: expected a number, got it': expected 0 or 1, got 'y'");
}

TEST_F(TableTargets, AMissingFlagIsNamedOrItsRowDropped) {
  constexpr auto content = "a,red,blue\n5,0,1\n6,,0\n7,1,\n8,1,1\n";
  const auto text = error_of(content, {"red", "blue"}, TargetKind::flags);
  EXPECT_CONTAINS(text, "row 2 (line 3), column 'red': the target is missing");
  EXPECT_CONTAINS(text, "row 3 (line 4), column 'blue': the target is missing");
  EXPECT_CONTAINS(text, "\n    target: [red, blue]\n");
  for (const auto kind : {TargetKind::flags, TargetKind::number}) {
    const auto table = read(content, {"red", "blue"}, kind, drop);
    EXPECT_EQ(table.dropped_rows, 2);
    EXPECT_EQ(table.file_rows, (std::vector<std::int64_t>{0, 3}));
    EXPECT_TRUE(torch::equal(table.target, torch::tensor({{0, 1}, {1, 1}}, at::kDouble)));
  }
  EXPECT_CONTAINS(error_of("a,red,blue\n5,0,\n6,,0\n", {"red", "blue"}, TargetKind::flags, drop),
                  "in no row have all the columns red, blue (data.target) a value");
}

TEST_F(TableTargets, SeveralNumbers) {
  const auto table = read("y,a,z\n0.5,5,-1\n1.5,6,1e3\n", {"z", "y"}, TargetKind::number, [](TableConfig& c) {
    c.features.numeric = {"*", "y"};
  });
  EXPECT_TRUE(torch::equal(table.target, torch::tensor({{-1.0, 0.5}, {1e3, 1.5}}, at::kDouble)));
  EXPECT_TRUE(torch::equal(table.numeric, torch::tensor({5.0, 6.0}, at::kDouble).reshape({2, 1})));
  EXPECT_TRUE(table.labels.empty());
  EXPECT_EQ(names_of(table), Names{"a"});
  EXPECT_CONTAINS(
      error_of("y,a,z\n0.5,5,high\n", {"z", "y"}, TargetKind::number),
      "column 'z': expected a number as target of a regression, got 'high'. Mend the file, or leave "
      "the column out of data.target");
}

TEST_F(TableTargets, ClassesAreThoseOfOneColumn) {
  try {
    read("a,y,z\n5,0,1\n6,1,0\n", {"y", "z"}, TargetKind::classes);
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_CONTAINS(error.what(), "data.target: it names 2 columns (y, z)");
    EXPECT_CONTAINS(error.what(), "A regression takes several");
  }
}

TEST_F(TableTargets, EachOneThatIsNotThereIsNamed) {
  const auto text = error_of("a,red,blue\n5,0,1\n", {"rid", "blu"}, TargetKind::flags, weigh);
  EXPECT_CONTAINS(text, "has no column 'rid' (data.target). Did you mean 'red'?");
  EXPECT_CONTAINS(text, "has no column 'blu' (data.target). Did you mean 'blue'?");
  EXPECT_CONTAINS(text, "has no column 'w' (data.weight)");
}

TEST_F(TableTargets, OfAFittedSchemaAreAsManyAndNeedNoWeight) {
  Preprocessing schema;
  schema.numeric = {{.name = "a"}};
  schema.targets = {"y", "z"};
  constexpr auto content = "w,z,a,y\n9,1,5,2\n8,3,6,4\n";
  const auto table = read(content, {"y", "z"}, TargetKind::number, {}, at::kDouble, &schema);
  EXPECT_TRUE(torch::equal(table.target, torch::tensor({{2, 1}, {4, 3}}, at::kDouble)));
  EXPECT_FALSE(table.weight.defined());
  const auto weighed = read(content, {"y", "z"}, TargetKind::number, weigh, at::kDouble, &schema);
  EXPECT_TRUE(torch::equal(weighed.weight, torch::tensor({9, 8}, at::kDouble)));
  EXPECT_TRUE(weighed.note.empty()) << weighed.note;
  EXPECT_CONTAINS(data_error([&] { read(content, {"y"}, TargetKind::number, {}, at::kDouble, &schema); }),
                  "data.target names 1 column (y), but the model was trained with 2 (y, z)");
  EXPECT_CONTAINS(data_error([&] {
                    read("z,a,y\n1,5,2\n", {"y", "z"}, TargetKind::number, weigh, at::kDouble, &schema);
                  }),
                  "lacks the column 'w'");
}

TEST_F(TableTargets, AWeightIsNoFeature) {
  constexpr auto content = "w,a,y\n0.1,5,0\n2,6,1\n0,7,1\n";
  for (const auto kind : {TargetKind::classes, TargetKind::number, TargetKind::flags}) {
    const auto table = read(
        content, {"y"}, kind,
        [](TableConfig& c) {
          weigh(c);
          c.features.numeric = {"*", "w"};
        },
        at::kFloat);
    EXPECT_EQ(names_of(table), Names{"a"});
    EXPECT_EQ(table.numeric.sizes(), (std::vector<std::int64_t>{3, 1}));
    EXPECT_TRUE(torch::equal(table.weight, torch::tensor({0.1, 2.0, 0.0}, at::kDouble)));
    EXPECT_TRUE(torch::equal(table.target.flatten().to(at::kLong), torch::tensor({0, 1, 1}, at::kLong)));
  }
  EXPECT_FALSE(read(content, {"y"}, TargetKind::classes).weight.defined());
}

TEST_F(TableTargets, WeightsOfDroppedRowsDoNotCount) {
  const auto table = read("w,a,y\n1,5,0\n-2,6,\n3,7,1\n", {"y"}, TargetKind::classes, [](TableConfig& c) {
    weigh(c);
    drop(c);
  });
  EXPECT_TRUE(torch::equal(table.weight, torch::tensor({1, 3}, at::kDouble)));
}

TEST_F(TableTargets, AWeightThatIsNoneIsNamed) {
  const auto error = [&](const std::string& weight, at::ScalarType dtype = at::kDouble) {
    return error_of("w,a,y\n1,5,0\n" + weight + ",6,1\n", {"y"}, TargetKind::classes, weigh, dtype);
  };
  for (const char* wrong : {"-0.5", "inf", "many"})
    EXPECT_CONTAINS(
        error(wrong),
        std::string("t.csv: row 2 (line 3), column 'w': expected a finite number from 0 on, got '") + wrong +
            "'. Mend the file, or leave out data.weight");
  EXPECT_CONTAINS(error("1e39", at::kFloat), "column 'w': expected a finite number that float32 can hold");
  EXPECT_CONTAINS(
      error(""),
      "row 2 (line 3), column 'w': the weight is missing. Fill it in, or remove the row, or leave "
      "out data.weight");
}

TEST_F(TableTargets, WhatReadsAFileAsItIsKeepsItsWeight) {
  EXPECT_CONTAINS(error_of("w,a,y\n1,5,0\n2,,1\n", {"y"}, TargetKind::classes, weigh),
                  "\n    target: 'y'\n    weight: w\n");
}

TEST_F(TableTargets, OfParquet) {
  using namespace testing;
  arrow::BooleanBuilder flags;
  EXPECT_TRUE(flags.AppendValues(std::vector<bool>{true, false, true}).ok());
  const std::shared_ptr<arrow::Array> red = flags.Finish().ValueOrDie();
  const auto table = arrow::Table::Make(
      arrow::schema({arrow::field("w", arrow::float64()), arrow::field("blue", arrow::int64()),
                     arrow::field("a", arrow::float64()), arrow::field("red", arrow::boolean())}),
      {doubles({1, 0.5, 2}), integers({0, 1, 1}), doubles({5, 6, 7}), red});
  TableConfig config;
  config.train_file = write_parquet(folder_.path() / "t.parquet", *table, 2).string();
  config.targets = {"red", "blue"};
  config.weight = "w";
  const auto read = read_table(config, TargetKind::flags, at::kDouble);
  EXPECT_TRUE(torch::equal(read.target, torch::tensor({{1, 0}, {0, 1}, {1, 1}}, at::kDouble)));
  EXPECT_TRUE(torch::equal(read.weight, torch::tensor({1.0, 0.5, 2.0}, at::kDouble)));
  EXPECT_EQ(names_of(read), Names{"a"});
}

}  // namespace
}  // namespace ringtrain
