#include "serving/export/warm_up_rows.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/serving/test_models.h"

namespace ringtrain::test {
namespace {

TEST(WarmUpRows, LieWithinWhatTheModelKnows) {
  Preprocessing columns;
  columns.numeric = {{"a", 10, 0.5, {}}, {"b", -1, 4, 3.0}, {"flat", 7, 0, {}}};
  columns.categorical = {{"color", {"red", "blue"}, false}, {"shop", {"x"}, true}};
  const auto rows = nlohmann::json::parse(warm_up_rows(columns)).at("instances");
  ASSERT_EQ(rows.size(), 8U);
  std::set<std::string> colors;
  for (const auto& row : rows) {
    EXPECT_EQ(row.size(), 5U);
    // Two of the column's deviations to each side of 10.
    EXPECT_GE(row.at("a").get<double>(), 8);
    EXPECT_LE(row.at("a").get<double>(), 12);
    EXPECT_EQ(row.at("flat"), 7);
    colors.insert(row.at("color"));
  }
  EXPECT_EQ(rows[0].at("a"), 8);
  EXPECT_EQ(rows[7].at("a"), 12);
  EXPECT_EQ(rows[0].at("b"), -1.25);
  EXPECT_TRUE(rows[7].at("b").is_null()) << "missing, since the model fills it";
  EXPECT_TRUE(rows[7].at("shop").is_null());
  EXPECT_EQ(rows[0].at("shop"), "x");
  EXPECT_EQ(colors, (std::set<std::string>{"red", "blue"}));
}

}  // namespace
}  // namespace ringtrain::test
