// Tables that Spark wrote (tests/data/table/spark/make.py).

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "data/table/table.h"

namespace ringtrain {
namespace {

Table read(const std::string& place) {
  TableConfig config;
  config.train_file = std::string(RINGTRAIN_SOURCE_DIR) + "/tests/data/table/spark/" + place;
  config.targets = {"fraud"};
  config.features.numeric = {"amount", "fee", "card", "year"};
  config.features.categorical = {"city", "shop"};
  config.features.date = {"when"};
  config.features.ignore = {"id"};
  config.missing.numeric = "mean";
  config.missing.categorical = "category";
  return read_table(config, TargetKind::classes, at::kDouble);
}

struct Expected {
  double amount, fee, card, year;
  std::string city, shop;
  double day, hour;  ///< days since 1970, hour; NaN where the time is missing
  std::int64_t fraud;
};

const double kMissing = std::nan("");
/// By id; rows as make.py lists them.
const std::vector<Expected> kRows{
    {10.5, 12.34, 1, 2023, "Zürich", "a:b", 19905 + 10.5 / 24, 10, 1},
    {kMissing, -0.01, 0, 2023, "", "a:b", -1 + 23.0 / 24, 23, 0},
    {-1.25, kMissing, kMissing, 2023, "Bern", "c", kMissing, kMissing, 1},
    {1e-3, 99.99, 1, 2024, "Zürich", "c", 19782, 0, 0},
    {7, 5, 0, 2024, "Genf, Ost", "c", 20088 + 86399.0 / 86400, 23, 1},
    {8, 6, 1, 2024, "said \"no\"", "", 20089, 0, 0},
};

void expect_rows(const Table& table, const std::vector<int>& ids) {
  ASSERT_EQ(table.rows(), static_cast<std::int64_t>(ids.size())) << table.note;
  const auto number = [&](std::int64_t row, const std::string& column, DatePart part) {
    for (std::size_t c = 0; c < table.numeric_names.size(); ++c)
      if (table.numeric_names[c].column == column && table.numeric_names[c].part == part)
        return table.numeric[row][static_cast<std::int64_t>(c)].item<double>();
    ADD_FAILURE() << "no column " << column;
    return 0.0;
  };
  const auto same = [](double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) < 1e-9;
  };
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    const int id = ids[static_cast<std::size_t>(row)];
    const auto& expected = kRows[static_cast<std::size_t>(id - 1)];
    EXPECT_PRED2(same, number(row, "amount", DatePart::none), expected.amount) << id;
    EXPECT_PRED2(same, number(row, "fee", DatePart::none), expected.fee) << id;
    EXPECT_PRED2(same, number(row, "card", DatePart::none), expected.card) << id;
    EXPECT_PRED2(same, number(row, "year", DatePart::none), expected.year) << id;
    EXPECT_PRED2(same, number(row, "when", DatePart::days), expected.day) << id;
    EXPECT_PRED2(same, number(row, "when", DatePart::hour), expected.hour) << id;
    EXPECT_EQ(table.categorical[0][static_cast<std::size_t>(row)], expected.city) << id;
    EXPECT_EQ(table.categorical[1][static_cast<std::size_t>(row)], expected.shop) << id;
    EXPECT_EQ(table.target[row].item<std::int64_t>(), expected.fraud) << id;
  }
}

TEST(Spark, ItsParquetBelowFoldersThatNameColumns) { expect_rows(read("payments"), {1, 2, 3, 6, 4, 5}); }

TEST(Spark, ItsCsvInParts) { expect_rows(read("csv"), {1, 2, 3, 4, 5, 6}); }

}  // namespace
}  // namespace ringtrain
