#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <functional>
#include <limits>

#include "data/table/table.h"
#include "tests/data/parquet_writer.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::config_for;
using testing::doubles;
using testing::integers;
using testing::TemporaryFolder;
using testing::words;
using testing::write_parquet;

std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& field : table.numeric_names) names.push_back(field.name);
  return names;
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Five rows in groups of two; before `amount` a column that Parquet counts as two.
std::filesystem::path write(const TemporaryFolder& folder,
                            const std::shared_ptr<arrow::Array>& amount = doubles({2.5, -1, 0.125, 7, 1e9}),
                            const std::shared_ptr<arrow::Array>& shop = words({"food", "travel", "food", "x",
                                                                               "x"}),
                            const std::shared_ptr<arrow::Array>& target = integers({10, 2, 2, 10, 2})) {
  const std::vector<std::shared_ptr<arrow::Array>> halves{integers({1, 2, 3, 4, 5}),
                                                          integers({6, 7, 8, 9, 10})};
  const auto pair = arrow::StructArray::Make(halves, std::vector<std::string>{"p", "q"}).ValueOrDie();
  const auto table = arrow::Table::Make(
      arrow::schema({arrow::field("pair", pair->type()), arrow::field("amount", amount->type()),
                     arrow::field("shop", shop->type()), arrow::field("count", arrow::int64()),
                     arrow::field("Class", target->type())}),
      {pair, amount, shop, integers({5, 4, 3, 2, 1}), target});
  return write_parquet(folder.path() / "t.parquet", *table, 2);
}

Table read(const std::filesystem::path& file, TargetKind kind = TargetKind::classes,
           const std::function<void(TableConfig&)>& change = {}) {
  auto config = config_for(file, "Class");
  config.features.categorical = {"shop"};
  config.features.ignore = {"pair"};
  if (change) change(config);
  return read_table(config, kind, at::kDouble);
}

void fill(TableConfig& config) {
  config.missing.numeric = "mean";
  config.missing.categorical = "category";
}

TEST(ParquetTable, GivesWhatTheSameRowsGiveAsCsv) {
  const TemporaryFolder folder;
  const auto csv = folder.write("t.csv",
                                "pair,amount,shop,count,Class\n0,2.5,food,5,10\n0,-1,travel,4,2\n0,.125,food,"
                                "3,2\n0,7,x,2,10\n0,1e9,x,1,2\n");
  for (const auto kind : {TargetKind::classes, TargetKind::number}) {
    const auto expected = read(csv, kind), table = read(write(folder), kind);
    EXPECT_EQ(names_of(table), (std::vector<std::string>{"amount", "count"}));
    EXPECT_TRUE(torch::equal(table.numeric, expected.numeric));
    EXPECT_EQ(table.categorical, expected.categorical);
    EXPECT_EQ(table.labels, expected.labels);
    EXPECT_TRUE(torch::equal(table.target, expected.target));
  }
}

TEST(ParquetTable, NullsNansAndMissingSpellingsAreMissing) {
  const TemporaryFolder folder;
  const auto table = read(write(folder, doubles({kNan, 1, 2, 3, 4}, {true, false, true, true, true}),
                                words({"", "NA", "b", "c", "d"}), doubles({0, 1, 1, 0, 1})),
                          TargetKind::classes, fill);
  EXPECT_TRUE(
      torch::equal(table.numeric.select(1, 0).isnan(), torch::tensor({true, true, false, false, false})));
  EXPECT_EQ(table.categorical[0], (std::vector<std::string>{"", "", "b", "c", "d"}));
  EXPECT_EQ(table.labels, (std::vector<std::string>{"0", "1"}));
}

TEST(ParquetTable, NamesRowAndColumnOfWhatIsWrong) {
  const TemporaryFolder folder;
  const auto error = [&](const auto&... columns) {
    return testing::data_error([&] { read(write(folder, columns...)); });
  };
  EXPECT_CONTAINS(
      error(doubles({0, 1, kNan, 3, kNan})),
      "t.parquet: row 3, column 'amount': the value is missing. Fill it in, or set data.missing.numeric");
  EXPECT_CONTAINS(error(doubles({0, 1, 2, INFINITY, 4})), "row 4, column 'amount': expected a finite number");
  const auto good = doubles({1, 2, 3, 4, 5});
  EXPECT_CONTAINS(error(good, words({"a", "", "b", "c", "d"})), "row 2, column 'shop': the value is missing");
  EXPECT_CONTAINS(error(good, words({"a", "e", "b", "c", "d"}), doubles({0, 1, 0, 1, kNan})),
                  "row 5, column 'Class': the target is missing");
  // Texts of numbers are numbers, and numbers words, as in CSV.
  const auto read_well = read(write(folder, words({"1", "2", "3", "4", "5"}), doubles({1, 2, 3, 4, 5})));
  EXPECT_EQ(read_well.numeric[4][0].item<double>(), 5);
  EXPECT_EQ(read_well.categorical[0], (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_CONTAINS(error(words({"1", "2", "x", "4", "5"})),
                  "row 3, column 'amount': expected a number, got 'x'");
  EXPECT_CONTAINS(testing::data_error([&] {
                    read(write(folder), TargetKind::classes,
                         [](TableConfig& c) { c.features.categorical = {"shops"}; });
                  }),
                  "has no column 'shops'");
  EXPECT_CONTAINS(testing::data_error([&] { read(folder.write("no.parquet", "PAR1")); }),
                  "no.parquet failed");
}

TEST(ParquetTable, AFileWithoutRowsIsRefused) {
  const TemporaryFolder folder;
  const auto empty = arrow::Table::Make(
      arrow::schema({arrow::field("a", arrow::float64()), arrow::field("Class", arrow::int64())}),
      {doubles({}), integers({})});
  const auto file = write_parquet(folder.path() / "empty.parquet", *empty, 10);
  EXPECT_CONTAINS(
      testing::data_error([&] { read_table(config_for(file, "Class"), TargetKind::classes, at::kFloat); }),
      "has columns but no rows");
}

}  // namespace
}  // namespace ringtrain
