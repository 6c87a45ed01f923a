#include "serving/server/rows_from_json.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/errors.h"
#include "serving/predict/json_text.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

using Words = std::vector<std::vector<std::string>>;

const float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Columns V0, V1, V2 (V0 may be missing), color (may be missing) and class; the target is Class.
const Preprocessing kMixed = mixed_columns({"no", "yes"});
const Preprocessing kNumeric = numeric_columns(2, {});

Predictor::Rows instances(const Preprocessing& preprocessing, const std::string& text) {
  return rows_of_instances(parse_json(text), preprocessing, JsonRowReader(preprocessing));
}
Predictor::Rows inputs(const Preprocessing& preprocessing, const std::string& text) {
  return rows_of_inputs(parse_json(text), preprocessing, JsonRowReader(preprocessing));
}
std::string refused_instances(const Preprocessing& preprocessing, const std::string& text) {
  return thrown<DataError>([&] { instances(preprocessing, text); });
}
std::string refused_inputs(const Preprocessing& preprocessing, const std::string& text) {
  return thrown<DataError>([&] { inputs(preprocessing, text); });
}

void expect_rows(const Predictor::Rows& rows, const std::vector<std::vector<float>>& numbers,
                 const Words& words) {
  ASSERT_EQ(rows.numeric.scalar_type(), at::kFloat);
  ASSERT_EQ(rows.numeric.sizes(), at::IntArrayRef({static_cast<std::int64_t>(numbers.size()),
                                                   static_cast<std::int64_t>(numbers.at(0).size())}));
  for (std::size_t r = 0; r < numbers.size(); ++r)
    for (std::size_t c = 0; c < numbers[r].size(); ++c) {
      const auto got = rows.numeric[static_cast<std::int64_t>(r)][static_cast<std::int64_t>(c)].item<float>();
      EXPECT_TRUE(got == numbers[r][c] || (std::isnan(got) && std::isnan(numbers[r][c])))
          << "row " << r << ", column " << c << ": " << got;
    }
  EXPECT_EQ(rows.categorical, words);
  EXPECT_FALSE(rows.tokens.defined());
}

TEST(RowsOfInstances, ObjectsAndArraysMayStandSideBySide) {
  expect_rows(
      instances(kMixed, R"([{"class": "first", "V2": 3, "V1": -2.5e-1, "V0": 1, "color": "rouge \u00e9"},
                                    [4, 5.5, 6, "", "second"], {"V1": 8, "V2": 9, "class": "", "class": "x"}])"),
      {{1, -0.25F, 3}, {4, 5.5F, 6}, {kNaN, 8, 9}}, {{"rouge é", "", ""}, {"first", "second", "x"}});
}

TEST(RowsOfInstances, ASmallBodyTakesNoGigabytes) {
  const auto wide = numeric_columns(1000, {});
  std::string body = "[{}";
  for (int i = 1; i < 70'000; ++i) body += ",{}";
  EXPECT_EQ(refused_instances(wide, body + "]"),
            "70,000 rows of 1000 columns are more than are answered at once (67,108,864 values)");
}

TEST(RowsOfInstances, TheTargetAndMissingValuesAreLeftOut) {
  expect_rows(
      instances(kMixed, R"([{"V0": null, "V1": 1, "V2": 2, "color": null, "class": "a", "Class": {"any": []}},
                                    {"V0": NaN, "V1": 1, "V2": 2, "class": "a"}])"),
      {{kNaN, 1, 2}, {kNaN, 1, 2}}, {{"", ""}, {"a", "a"}});
}

TEST(RowsOfInstances, NumbersAreRoundedOnceAndStayWithinFloat32) {
  expect_rows(
      instances(kNumeric, "[[3.4028235e38, -3.4028235e38], [1e-46, 16777217], [0.1, -0.0], [1, 2E0]]"),
      {{3.4028234663852886e38F, -3.4028234663852886e38F}, {0, 16777216}, {0.1F, 0}, {1, 2}}, {});
  for (const char* number : {"3.4028236e38", "-1e39", "Infinity", "-Infinity"})
    EXPECT_NE(refused_instances(kNumeric, std::string("[[1, ") + number + "]]")
                  .find("row 1: field 'V1': expected a number within the range of float32, got "),
              std::string::npos)
        << number;
}

TEST(RowsOfInstances, TheExportedModelsNameForAllNumbers) {
  expect_rows(instances(kNumeric, R"([{"numeric": [1, 2]}, {"numeric": [3, 4]}])"), {{1, 2}, {3, 4}}, {});
  EXPECT_EQ(refused_instances(kMixed, R"([{"numeric": [1, 2, 3], "color": "a", "class": "b"}])"),
            "row 1: unknown field 'numeric'; the model takes: V0, V1, V2, color, class.");
}

TEST(RowsOfInstances, MistakesNameTheRowAndTheField) {
  const auto refused = [](const char* text) { return refused_instances(kMixed, text); };
  const std::string good = R"([1, 2, 3, "a", "b"])";
  for (const char* text : {"{}", "[]", "3", "null", R"("rows")"})
    EXPECT_EQ(refused(text), "\"instances\": expected an array of rows") << text;
  EXPECT_EQ(refused(("[" + good + ", [1, 2]]").c_str()),
            "row 2: expected 5 values (V0, V1, V2, color, class), got 2");
  EXPECT_EQ(refused(("[" + good + "," + good + ", 7]").c_str()),
            "row 3: expected an object or an array, got 7");
  EXPECT_EQ(refused(R"([[1, "two", 3, "a", "b"]])"), "row 1: field 'V1': expected a number, got \"two\"");
  EXPECT_EQ(refused(R"([[1, 2, 3, [4], "b"]])"), "row 1: field 'color': expected a string, got [4]");
  EXPECT_EQ(
      refused(R"([{"V0": 1, "V1": 2, "V2": 3, "colour": "a", "class": "b"}])"),
      "row 1: unknown field 'colour'; the model takes: V0, V1, V2, color, class. Did you mean 'color'?");
  EXPECT_EQ(refused(("[" + good + R"(, [1, NaN, 3, "a", "b"]])").c_str()),
            "row 2: field 'V1': missing value; the model was trained without missing values there");
  EXPECT_EQ(refused(R"([{"V1": 2, "V2": 3}])"),
            "row 1: field 'class': missing value; the model was trained without missing values there");
  EXPECT_EQ(refused("[{}]"),
            "row 1: field 'V1': missing value; the model was trained without missing values there");
}

TEST(RowsOfInputs, ColumnsInAnyOrder) {
  expect_rows(inputs(kMixed, R"({"class": ["a", "b"], "V2": [1, 2], "V0": [null, 4], "V1": [[5], [6]],
                                 "color": [["x"], null], "Class": [0, 1]})"),
              {{kNaN, 5, 1}, {4, 6, 2}}, {{"x", ""}, {"a", "b"}});
  expect_rows(inputs(kMixed, R"([[1, 2, 3, "a", "b"]])"), {{1, 2, 3}}, {{"a"}, {"b"}});
  expect_rows(inputs(kNumeric, R"({"numeric": [[1, 2], [3, 4]]})"), {{1, 2}, {3, 4}}, {});
}

TEST(RowsOfInputs, AColumnMayBeCalledNumeric) {
  auto preprocessing = numeric_columns(1, {});
  preprocessing.numeric[0].name = "numeric";
  expect_rows(inputs(preprocessing, R"({"numeric": [1, 2, 3]})"), {{1}, {2}, {3}}, {});
  expect_rows(inputs(preprocessing, R"({"numeric": [[1], [2]]})"), {{1}, {2}}, {});
  expect_rows(instances(preprocessing, R"([{"numeric": 1}, {"numeric": 2}])"), {{1}, {2}}, {});
}

TEST(RowsOfInputs, MistakesNameTheColumnOrTheRow) {
  const auto refused = [](const char* text) { return refused_inputs(kMixed, text); };
  for (const char* text : {"{}", "3", "null"})
    EXPECT_EQ(refused(text), "\"inputs\": expected an object of columns, {\"Amount\": [1.5, 2.0]}") << text;
  EXPECT_EQ(refused(R"({"V0": 1})"), "\"inputs\": column 'V0' is no array");
  EXPECT_EQ(refused(R"({"V0": [], "V1": []})"), "\"inputs\": the columns are empty");
  EXPECT_EQ(refused(R"({"V0": [1, 2], "V1": [3]})"), "\"inputs\": column 'V1' has 1 values, others 2");
  EXPECT_EQ(refused(R"({"V0": [1], "W": [3]})"),
            "unknown field 'W'; the model takes: V0, V1, V2, color, class.");
  EXPECT_EQ(refused(R"({"V0": [1, {}]})"), "row 2: field 'V0': expected a number, got {}");
  EXPECT_EQ(refused(R"({"V0": [[1, 2]]})"), "row 1: field 'V0': expected a number, got [1,2]");
  EXPECT_EQ(refused(R"({"V1": [1, null], "V2": [1, 2], "class": ["a", "b"]})"),
            "row 2: field 'V1': missing value; the model was trained without missing values there");
}

}  // namespace
}  // namespace ringtrain::test
