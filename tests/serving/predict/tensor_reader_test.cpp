#include "serving/predict/tensor_reader.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "serving/predict/json_text.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

const Signature kSignature = *named_tensors({}).signature;

Fields read(const std::string& text, const Signature& signature = kSignature) {
  return TensorReader(signature, {"amount"}).read(parse_json(text));
}
std::string refused(const std::string& text, const Signature& signature = kSignature) {
  return thrown<DataError>([&] { read(text, signature); });
}

TEST(TensorReader, ReadsAnObjectByNames) {
  const auto sample = read(
      R"({"kind": 4, "series": [[1, 2.5], [3, -4]], "counts": [1, -2, 9007199254740993], "when": 1e300, "amount": "ignored"})");
  EXPECT_TRUE(at::equal(sample.at("series"), at::tensor({1.F, 2.5F, 3.F, -4.F}).view({2, 2})));
  EXPECT_TRUE(at::equal(sample.at("kind"), at::scalar_tensor(4, at::kLong)));
  EXPECT_TRUE(at::equal(sample.at("counts"), at::tensor({1L, -2L, 9007199254740993L}, at::kLong)));
  EXPECT_EQ(sample.at("when").item<double>(), 1e300);
  EXPECT_EQ(sample.size(), 4U);
  EXPECT_EQ(read(R"({"kind": 0, "series": [], "counts": [0, 0, 0], "when": 0})").at("series").sizes(),
            (std::vector<std::int64_t>{0, 2}));
}

TEST(TensorReader, SaysAllThatIsWrongAndWhere) {
  EXPECT_EQ(
      refused(
          R"({"kind": 5, "series": [[1, 2], [3, "x"], [4]], "counts": [1, 2.5, null], "known": [1], "whne": 1})"),
      "'when' is missing; 'known' is made of 'series', not given; unknown name \"whne\"; the model takes: "
      "series, kind, counts, when. Did you mean 'when'?; series[1][1]: expected a number, got \"x\"; "
      "series[2]: expected 2 values, got 1; kind: expected a whole number from 0 to 4, got 5; counts[1]: "
      "expected a whole number that int64 holds, got 2.5; counts[2]: expected a whole number that int64 "
      "holds, got null");
  EXPECT_EQ(
      refused(R"({"kind": 1, "series": [[1,1],[1,1],[1,1],[1,1],[1,1]], "counts": 3, "when": NaN})"),
      "series: 5 entries are more than the 4 that the model takes; give the last ones; counts: expected "
      "an array of 3 values, got 3; when: expected a finite number, got NaN");
  EXPECT_EQ(
      refused(
          R"({"kind": true, "kind": 1, "series": [[1e39, -Infinity]], "counts": [1,1,1], "when": 9007199254740993})"),
      "'kind' is given twice; series[0][0]: expected a number within the range of float32, got 1e39; "
      "series[0][1]: expected a finite number, got -Infinity; kind: expected a whole number from 0 to 4, "
      "got true; when: expected a number that float64 holds (whole ones beyond 2^53 lose their last "
      "digits), got 9007199254740993");
  EXPECT_EQ(refused("[1, 2]"), "expected an object with series, kind, counts, when, got [1,2]");
  EXPECT_NE(
      refused(
          R"({"kind": 1, "series": [["a","b"],["c","d"],["e","f"],["g","h"]], "counts": ["i","j","k"], "when": 0})")
          .find("; and more"),
      std::string::npos);
}

TEST(TensorReader, OneInputMayStandAlone) {
  const Signature one{{{.name = "series", .dims = {3}, .pad = 0, .mask = "m"}, {.name = "m", .dims = {3}}}};
  EXPECT_TRUE(at::equal(read("[1, 2]", one).at("series"), at::tensor({1.F, 2.F})));
  EXPECT_TRUE(at::equal(read(R"({"series": [1, 2]})", one).at("series"), at::tensor({1.F, 2.F})));
  EXPECT_EQ(refused("7", one), "series: expected an array of at most 3 values, got 7");
  const Signature flag{{{.name = "flag", .type = at::kBool}}};
  EXPECT_TRUE(read("true", flag).at("flag").item<bool>());
  EXPECT_FALSE(read("0", flag).at("flag").item<bool>());
  EXPECT_EQ(refused("2", flag), "flag: expected true or false, got 2");
}

TEST(TensorReader, ReadsColumns) {
  const TensorReader reader(kSignature);
  const auto columns = [&](const std::string& text) { return reader.read_columns(parse_json(text)); };
  const auto samples = columns(
      R"({"series": [[[1, 2]], []], "kind": [1, 2], "counts": [[1, 2, 3], [4, 5, 6]], "when": [0.5, 1.5]})");
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[1].at("series").size(0), 0);
  EXPECT_EQ(samples[1].at("kind").item<std::int64_t>(), 2);
  EXPECT_EQ(samples[0].at("when").item<double>(), 0.5);
  const auto wrong = [&](const std::string& text) { return thrown<DataError>([&] { columns(text); }); };
  EXPECT_EQ(
      wrong(R"({"series": [[[1, 2]], []], "kind": [1, 9], "counts": [[1, 2, 3], [4, 5]], "when": [0, 1]})"),
      "row 2: kind: expected a whole number from 0 to 4, got 9; counts: expected 3 values, got 2");
  EXPECT_EQ(wrong(R"({"series": [], "kind": [1], "counts": 5})"),
            "'when' is missing; 'kind' has 1 rows, others 0; 'counts': expected an array of samples, got 5");
  EXPECT_EQ(wrong(R"({"series": [], "kind": [], "counts": [], "when": []})"), "there are no rows");
}

}  // namespace
}  // namespace ringtrain::test
