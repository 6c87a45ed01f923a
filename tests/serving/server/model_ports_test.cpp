#include "serving/server/model_ports.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "common/errors.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

using Shape = std::vector<std::int64_t>;
using Strings = std::vector<std::string>;

/// Columns V0, V1, V2, color and class; only V0 and color may be missing.
const Manifest kMixed = make_manifest("mixed", "binary_classification", mixed_columns({"no", "yes"}));
const Manifest kNumeric = make_manifest("numeric", "regression", numeric_columns(2, {}));
const Manifest kTokens = make_manifest("tokens", "language_model", token_input(3, 8));

InferTensor floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
  return {name, "FP32", shape, at::tensor(values).reshape(shape), {}};
}
InferTensor words(const std::string& name, const Shape& shape, const Strings& values) {
  return {name, "BYTES", shape, {}, values};
}
InferTensor tokens(const Shape& shape, const at::Tensor& values) {
  return {"tokens", "INT64", shape, values.reshape(shape), {}};
}
std::string refused(const std::vector<InferTensor>& inputs, const Manifest& manifest) {
  return thrown<DataError>([&] { rows_of(inputs, manifest); });
}

TEST(RowsOfTensors, InputsOfTheModelOrColumnsByName) {
  const auto whole =
      rows_of({words("class_column", {2}, {"a", "b"}), floats("numeric", {2, 3}, {1, 2, 3, 4, 5, 6}),
               words("color", {2, 1}, {"", "c"})},
              kMixed);
  EXPECT_TRUE(at::equal(whole.numeric, at::tensor({1.F, 2.F, 3.F, 4.F, 5.F, 6.F}).view({2, 3})));
  EXPECT_EQ(whole.categorical, (std::vector<Strings>{{"", "c"}, {"a", "b"}}));
  const auto columns = rows_of(
      {floats("V2", {2}, {3, 6}), words("class", {2}, {"a", "b"}), floats("V1", {2, 1}, {2, 5})}, kMixed);
  EXPECT_TRUE(columns.numeric.select(1, 0).isnan().all().item<bool>());
  EXPECT_TRUE(at::equal(columns.numeric.narrow(1, 1, 2), at::tensor({2.F, 3.F, 5.F, 6.F}).view({2, 2})));
  EXPECT_EQ(columns.categorical, (std::vector<Strings>{{"", ""}, {"a", "b"}}));
  EXPECT_TRUE(at::equal(rows_of({floats("INPUT__0", {1, 2}, {7, 8})}, kNumeric).numeric,
                        at::tensor({7.F, 8.F}).view({1, 2})));
}

TEST(RowsOfTensors, AnyNumbersBecomeFloat32) {
  const InferTensor whole{"numeric", "INT16", {1, 2}, at::tensor({7, -8}, at::kShort).view({1, 2}), {}};
  EXPECT_TRUE(at::equal(rows_of({whole}, kNumeric).numeric, at::tensor({7.F, -8.F}).view({1, 2})));
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(refused({floats("numeric", {1, 2}, {1, -infinity})}, kNumeric),
            "input 'numeric': a number is not within the range of float32");
  const InferTensor large{"V1", "FP64", {1}, at::tensor({1e39}, at::kDouble), {}};
  EXPECT_EQ(refused({floats("V0", {1}, {1}), large}, kNumeric),
            "input 'V1': a number is not within the range of float32");
}

TEST(RowsOfTensors, ShapesThatHoldNothingCostNothing) {
  const std::int64_t many = std::int64_t{1} << 31;
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{0, 2}, Shape{many, 0}})
    EXPECT_NE(refused({{"numeric", "FP32", shape, at::empty({0}), {}}}, kNumeric).find("has no rows"),
              std::string::npos);
}

TEST(RowsOfTensors, MistakesNameTheTensor) {
  EXPECT_EQ(refused({}, kMixed), "no inputs; the model has: numeric, color, class_column");
  EXPECT_EQ(refused({floats("numeric", {1, 2}, {1, 2})}, kMixed),
            "input 'numeric': expected the shape [n, 3], got [1, 2]");
  EXPECT_EQ(refused({floats("V0", {1, 2}, {1, 2})}, kMixed),
            "input 'V0': expected the shape [n] or [n, 1], got [1, 2]");
  EXPECT_EQ(refused({floats("V0", {1}, {1}), floats("V1", {2}, {1, 2})}, kMixed),
            "input 'V1' has 2 rows, others 1");
  EXPECT_EQ(refused({words("V0", {1}, {"one"})}, kMixed),
            "input 'V0': expected numbers (FP32), got BYTES 'one'");
  EXPECT_EQ(refused({words("color", {1}, {"\xE9"})}, kMixed), "input 'color': expected text in UTF-8");
  EXPECT_EQ(refused({floats("numerik", {1}, {1})}, kMixed),
            "unknown input 'numerik'; the model has: numeric, color, class_column. Did you mean 'numeric'?");
  EXPECT_EQ(refused({floats("V1", {1}, {1})}, kMixed),
            "row 1: field 'V2': missing value; the model was trained without missing values there");
}

TEST(RowsOfTensors, NothingIsGivenTwice) {
  EXPECT_EQ(refused({floats("V0", {1}, {1}), floats("V0", {1}, {2})}, kNumeric), "input 'V0' is given twice");
  EXPECT_EQ(refused({floats("numeric", {1, 2}, {1, 2}), floats("INPUT__0", {1, 2}, {1, 2})}, kNumeric),
            "input 'INPUT__0' is given twice");
  EXPECT_EQ(refused({floats("numeric", {1, 2}, {1, 2}), floats("V1", {1}, {2})}, kNumeric),
            "column 'V1' is given twice, by the inputs 'numeric' and 'V1'");
}

TEST(RowsOfTensors, TheTargetIsPassedOver) {
  const auto& target = kNumeric.preprocessing.targets.at(0);
  const auto rows = rows_of({words(target, {1}, {"a7"}), floats("numeric", {1, 2}, {1, 2})}, kNumeric);
  EXPECT_TRUE(at::equal(rows.numeric, at::tensor({1.F, 2.F}).view({1, 2})));
}

TEST(RowsOfTensors, TokensAreWholeNumbersOfTheVocabulary) {
  const at::Tensor good = at::tensor({0, 7, 3, 1, 2, 4}, at::kLong);
  EXPECT_TRUE(at::equal(rows_of({tokens({2, 3}, good)}, kTokens).tokens, good.view({2, 3})));
  EXPECT_EQ(refused({tokens({3, 2}, good)}, kTokens),
            "input 'tokens': expected INT64 [n, 3], got INT64 [3, 2]");
  for (const std::int64_t wrong : {-1, 8})
    EXPECT_EQ(
        refused({tokens({1, 3}, at::tensor({std::int64_t{0}, wrong, std::int64_t{1}}, at::kLong))}, kTokens),
        "input 'tokens': a token is not in the vocabulary of 8");
  EXPECT_EQ(refused({floats("tokens", {1, 3}, {1, 1.5, 2})}, kTokens),
            "input 'tokens': expected INT64 [n, 3], got FP32 [1, 3]");
}

TEST(ElementCount, ShapesThatAreNotPossible) {
  const std::int64_t most = std::int64_t{1} << 31, largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(element_count("x", {}), 1);
  EXPECT_EQ(element_count("x", {most}), most);
  EXPECT_EQ(element_count("x", {3, 0, 5}), 0);
  EXPECT_EQ(element_count("x", Shape(8, 1)), 1);
  for (const Shape& shape : {Shape{-1}, Shape{most + 1}, Shape{1 << 16, 1 << 16}, Shape{largest, largest},
                             Shape{0, largest}, Shape{0, most, most}, Shape(9, 1), Shape(1'000'000, 1)})
    EXPECT_NE(thrown<DataError>([&] { element_count("x", shape); }).find("input 'x': the shape"),
              std::string::npos)
        << shape.size();
}

TEST(TensorBytes, BytesThatAreCutOffOrTooManyAreRefused) {
  const std::string two("\2\0\0\0ab\0\0\0\0", 10);
  EXPECT_EQ(tensor_from_bytes("x", "BYTES", {2}, two).strings, (Strings{"ab", ""}));
  EXPECT_EQ(bytes_of(tensor_from_bytes("x", "BYTES", {2}, two)), two);
  const auto refuse = [](const char* datatype, std::string_view bytes) {
    return thrown<DataError>([&] { tensor_from_bytes("x", datatype, {2}, bytes); });
  };
  for (std::size_t length : {1, 3, 5, 9})
    EXPECT_EQ(refuse("BYTES", std::string_view(two).substr(0, length)),
              "input 'x': its last string is cut off")
        << length;
  EXPECT_EQ(refuse("BYTES", two + "\1"), "input 'x': its last string is cut off");
  EXPECT_EQ(refuse("BYTES", std::string_view(two).substr(0, 6)),
            "input 'x': its bytes hold 1 strings, its shape 2");
  EXPECT_EQ(refuse("INT32", "1234567"), "input 'x': INT32 [2] has 8 bytes, got 7");
}

TEST(Outputs, LabelsAndSeveralValuesHaveAColumnEach) {
  const auto labels = make_manifest("labels", labels_head(), numeric_columns(2, {"a", "b", "c"}));
  Predictor::Answers answers;
  answers.probabilities = at::rand({2, 3});
  answers.labels = at::tensor({1, 0, 0, 1, 1, 0}, at::kLong).view({2, 3});
  const auto outputs = tensors_of(answers, labels, {});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[0].name, "probabilities");
  EXPECT_EQ(outputs[1].name, "labels");
  EXPECT_EQ(outputs[1].datatype, "INT64");
  EXPECT_EQ(outputs[1].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_TRUE(at::equal(outputs[1].values, answers.labels));
  EXPECT_EQ(output_ports(labels)[1].shape, (std::vector<std::int64_t>{-1, 3}));
  const auto values = make_manifest("values", values_head(), numeric_columns(2, {}));
  ASSERT_EQ(output_ports(values).size(), 1U);
  EXPECT_EQ(output_ports(values)[0].shape, (std::vector<std::int64_t>{-1, 3}));
  Predictor::Answers numbers;
  numbers.predictions = at::rand({2, 3});
  EXPECT_EQ(tensors_of(numbers, values, {{"OUTPUT__0"}})[0].shape, (std::vector<std::int64_t>{2, 3}));
}

TEST(Outputs, TheLargestOfEachRowAsTritonWritesThem) {
  const auto manifest = make_manifest("labels", labels_head(), numeric_columns(2, {"a", "b", "c"}));
  Predictor::Answers answers;
  answers.probabilities = at::tensor({0.25F, 0.5F, 0.125F, 0.1F, 0.1F, 0.7F}).view({2, 3});
  answers.labels = at::tensor({0, 1, 0, 0, 0, 1}, at::kLong).view({2, 3});
  const auto outputs = tensors_of(answers, manifest, {{"probabilities", 2}, {"labels", 9}});
  EXPECT_EQ(outputs[0].datatype, "BYTES");
  EXPECT_EQ(outputs[0].shape, (Shape{2, 2}));
  EXPECT_EQ(outputs[0].strings, (Strings{"0.500000:1:b", "0.250000:0:a", "0.700000:2:c", "0.100000:0:a"}));
  EXPECT_EQ(outputs[1].strings, (Strings{"1:1", "0:0", "0:2", "1:2", "0:0", "0:1"}));
  EXPECT_EQ(thrown<DataError>([] {
              require_outputs({{"label", 1}}, kMixed);
            }),
            "output 'label': it holds texts; \"classification\" is for numbers");
}

TEST(Outputs, NoMoreThanThereAre) {
  EXPECT_NO_THROW(require_outputs({{"label"}, {"OUTPUT__0"}, {"OUTPUT__1"}}, kMixed));
  EXPECT_EQ(thrown<DataError>([] { require_outputs({{"lable"}}, kMixed); }),
            "unknown output 'lable'; the model has: probabilities, class, label. Did you mean 'label'?");
  EXPECT_EQ(thrown<DataError>([] { require_outputs(std::vector<WantedOutput>(1000, {"label"}), kMixed); }),
            "1000 outputs are asked for; the model has: probabilities, class, label");
}

}  // namespace
}  // namespace ringtrain::test
