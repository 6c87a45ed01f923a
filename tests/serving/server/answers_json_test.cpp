#include "serving/server/answers_json.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/serving/test_models.h"

namespace ringtrain::test {
namespace {

TEST(AnswersJson, Classes) {
  const auto manifest = make_manifest("m", "classification", numeric_columns(1, {"no", "a \"b\" é"}));
  // Columns of a larger tensor are not contiguous.
  const at::Tensor probabilities = at::tensor({0.25F, 1.F, 0.75F, 0.F}).view({2, 2}).t();
  const Predictor::Answers answers{probabilities, at::tensor({1, 0}, at::kLong), {}, {}};
  EXPECT_EQ(answers_by_row(answers, manifest),
            R"([{"class":1,"label":"a \"b\" é","probabilities":[0.25,0.75]},)"
            R"({"class":0,"label":"no","probabilities":[1.0,0.0]}])");
  EXPECT_EQ(answers_by_column(answers, manifest),
            R"({"class":[1,0],"label":["a \"b\" é","no"],"probabilities":[[0.25,0.75],[1.0,0.0]]})");
}

TEST(AnswersJson, ClassesWithoutLabelsAreNumbers) {
  const auto manifest = make_manifest("m", "binary_classification", numeric_columns(1, {}));
  const Predictor::Answers answers{at::tensor({0.5F, 0.5F}).view({1, 2}), at::tensor({1}, at::kLong), {}, {}};
  EXPECT_EQ(answers_by_row(answers, manifest), R"([{"class":1,"label":"1","probabilities":[0.5,0.5]}])");
}

TEST(AnswersJson, Labels) {
  const auto manifest = make_manifest("m", labels_head(), numeric_columns(1, {"sport", "a \"b\"", "art"}));
  Predictor::Answers answers;
  // Columns of a larger tensor are not contiguous.
  answers.probabilities = at::tensor({0.5F, 0.F, 0.25F, 0.25F, 1.F, 0.5F}).view({3, 2}).t();
  answers.labels = at::tensor({1, 0, 0, 0, 1, 0}, at::kLong).view({3, 2}).t();
  EXPECT_EQ(answers_by_row(answers, manifest),
            R"([{"labels":["sport","art"],"probabilities":[0.5,0.25,1.0]},)"
            R"({"labels":[],"probabilities":[0.0,0.25,0.5]}])");
  EXPECT_EQ(answers_by_column(answers, manifest),
            R"({"labels":[["sport","art"],[]],"probabilities":[[0.5,0.25,1.0],[0.0,0.25,0.5]]})");
}

TEST(AnswersJson, SeveralValues) {
  const auto manifest = make_manifest("m", values_head(), numeric_columns(1, {}));
  Predictor::Answers answers;
  answers.predictions = at::tensor({1.5F, -1.F, 2.F, 0.F, 3.F, 4.F}).view({3, 2}).t();
  EXPECT_EQ(answers_by_row(answers, manifest),
            R"([{"prediction":{"low":1.5,"middle, or so":2.0,"high":3.0}},)"
            R"({"prediction":{"low":-1.0,"middle, or so":0.0,"high":4.0}}])");
  EXPECT_EQ(answers_by_column(answers, manifest),
            R"({"prediction":{"low":[1.5,-1.0],"middle, or so":[2.0,0.0],"high":[3.0,4.0]}})");
}

TEST(AnswersJson, Predictions) {
  const auto manifest = make_manifest("m", "regression", numeric_columns(1, {}));
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  const Predictor::Answers answers{
      {}, {}, at::tensor({1.5F, 0.F, -2.F, 0.F, 1e-10F, 0.F, infinity, 0.F}).view({4, 2}).select(1, 0), {}};
  EXPECT_EQ(answers_by_row(answers, manifest),
            R"([{"prediction":1.5},{"prediction":-2.0},{"prediction":1e-10},{"prediction":Infinity}])");
  EXPECT_EQ(answers_by_column(answers, manifest), R"({"prediction":[1.5,-2.0,1e-10,Infinity]})");
}

}  // namespace
}  // namespace ringtrain::test
