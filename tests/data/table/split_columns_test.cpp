// The columns that data.split names: read as words, numbers or dates, beside the features.

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/hash.h"
#include "data/table/table.h"
#include "tests/data/parquet_writer.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::data_error;
using Times = std::vector<double>;

TableConfig config_of(const std::string& text, const testing::TemporaryFolder& folder, SplitConfig split) {
  const auto file = folder.path() / "t.csv";
  std::ofstream(file) << text;
  auto config = testing::config_for(file, "y");
  config.split = std::move(split);
  return config;
}

TEST(SplitColumns, GroupAndTimeStandBesideTheFeatures) {
  const testing::TemporaryFolder folder;
  auto config =
      config_of("who,when,w,x,y\nann,3,1,0.5,a\nbob,1,2,1.5,b\nann,2,1,2.5,a\n", folder, {.group = "who"});
  config.weight = "w";
  config.features.ignore = {"who"};
  const Table table = read_table(config, TargetKind::classes, at::kFloat);
  EXPECT_EQ(table.groups,
            (std::vector<std::uint64_t>{hash_bytes("ann"), hash_bytes("bob"), hash_bytes("ann")}));
  EXPECT_EQ(table.numeric_names.size(), 2u);
  EXPECT_EQ(table.weight[1].item<double>(), 2);

  config.split = {.time = "when"};
  const Table timed = read_table(config, TargetKind::classes, at::kFloat);
  EXPECT_EQ(timed.times, (Times{3, 1, 2}));
  EXPECT_EQ(timed.weight[1].item<double>(), 2);
  EXPECT_EQ(timed.labels, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(timed.groups.empty());
}

TEST(SplitColumns, AFeatureMayBeTheGroup) {
  const testing::TemporaryFolder folder;
  auto config = config_of("shop,x,y\n7,0.5,1.5\n8,1.5,2.5\n", folder, {.group = "shop"});
  const Table table = read_table(config, TargetKind::number, at::kFloat);
  EXPECT_EQ(table.numeric_names.size(), 2u);
  EXPECT_EQ(table.groups, (std::vector<std::uint64_t>{hash_bytes("7"), hash_bytes("8")}));
  config.features.categorical = {"shop"};
  EXPECT_EQ(read_table(config, TargetKind::number, at::kFloat).categorical[0],
            (std::vector<std::string>{"7", "8"}));
}

TEST(SplitColumns, DatesAreDaysAndPlainYearsAreNumbers) {
  const testing::TemporaryFolder folder;
  const auto times = [&](const std::string& text) {
    auto config = config_of(text, folder, {.time = "when"});
    config.features.ignore = {"when"};
    return read_table(config, TargetKind::classes, at::kFloat).times;
  };
  EXPECT_EQ(times("when,x,y\n1970-01-03,1,a\n1970-01-02 12:00,2,b\n"), (Times{2, 1.5}));
  EXPECT_EQ(times("when,x,y\n2024,1,a\n1999,2,b\n"), (Times{2024, 1999}));
}

TEST(SplitColumns, DatesOfParquetToo) {
  const testing::TemporaryFolder folder;
  arrow::Date32Builder dates;
  ASSERT_TRUE(dates.AppendValues({3, 1}).ok());
  const auto columns =
      arrow::schema({arrow::field("when", arrow::date32()), arrow::field("x", arrow::float64()),
                     arrow::field("y", arrow::int64())});
  const auto made = arrow::Table::Make(
      columns, {dates.Finish().ValueOrDie(), testing::doubles({0.5, 1.5}), testing::integers({0, 1})});
  const auto file = testing::write_parquet(folder.path() / "t.parquet", *made, 2);
  auto config = testing::config_for(file, "y");
  config.split.time = "when";
  config.features.ignore = {"when"};
  EXPECT_EQ(read_table(config, TargetKind::classes, at::kFloat).times, (Times{3, 1}));
  config.split.time = "x";
  EXPECT_EQ(read_table(config, TargetKind::classes, at::kFloat).times, (Times{0.5, 1.5}));
}

TEST(SplitColumns, WhatIsWrongIsToldWithItsRow) {
  const testing::TemporaryFolder folder;
  const auto error = [&](const std::string& text, SplitConfig split) {
    auto config = config_of(text, folder, std::move(split));
    config.features.numeric = {"x"};
    return data_error([&] { read_table(config, TargetKind::classes, at::kFloat); });
  };
  EXPECT_CONTAINS(error("when,x,y\n2024-01-01,1,a\nlater,2,b\n", {.time = "when"}),
                  "row 2 (line 3), column 'when': expected a date");
  EXPECT_CONTAINS(error("when,x,y\n2024-01-01,1,a\n7,2,b\n", {.time = "when"}),
                  "its first time is a date, so that all are to be dates");
  EXPECT_CONTAINS(error("when,x,y\n3,1,a\n,2,b\n", {.time = "when"}),
                  "row 2 (line 3), column 'when': the time is missing");
  EXPECT_CONTAINS(error("who,x,y\nann,1,a\n,2,b\n", {.group = "who"}),
                  "row 2 (line 3), column 'who': the group is missing");
  EXPECT_CONTAINS(error("who,x,y\nann,1,a\n", {.group = "whom"}),
                  "has no column 'whom' (data.split.group). Did you mean 'who'?");
}

TEST(SplitColumns, BadRowsAreLeftOutWithTheirGroups) {
  const testing::TemporaryFolder folder;
  auto config = config_of("who,x,y\nann,1,a\n,2,b\ncid,oops,a\ndan,4,b\n", folder, {.group = "who"});
  config.features.numeric = {"x"};
  config.bad_rows = "skip";
  const Table table = read_table(config, TargetKind::classes, at::kFloat);
  EXPECT_EQ(table.groups, (std::vector<std::uint64_t>{hash_bytes("ann"), hash_bytes("dan")}));
  EXPECT_EQ(table.bad_rows, 2);
}

}  // namespace
}  // namespace ringtrain
