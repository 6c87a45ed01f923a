#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/errors.h"
#include "models/gpt.h"
#include "serving/batch/row_source.h"
#include "serving/predict/predictor.h"
#include "serving/repository/triton_config.h"
#include "tests/serving/test_models.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kContext = 6, kVocabulary = 8;

/// A language model over the letters a to h, exported once to a folder of its own.
class TokenRows : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<test::TemporaryFolder>();
    at::manual_seed(4);
    GptKind kind;
    kind.layers = 1;
    kind.heads = 2;
    kind.width = 8;
    kind.context = kContext;
    const auto make = [kind] { return kind.make({.outputs = kVocabulary}); };
    auto request = test::request_of(
        folder_->path(),
        test::make_manifest("letters", "language_model", test::token_input(kContext, kVocabulary, true)),
        make);
    export_model(request, test::verify_command());
    model_ = request.model;
    model_->to(at::kFloat);
    model_->eval();
  }

  std::vector<nlohmann::json> answers(const std::string& lines, std::int64_t expected_errors = 0) {
    const Predictor predictor(folder_->path() / "letters");
    std::istringstream in(lines);
    std::ostringstream out;
    EXPECT_EQ(predict_json_lines(predictor, in, out, {.batch_size = 2}), expected_errors);
    std::vector<nlohmann::json> result;
    std::istringstream text(out.str());
    for (std::string line; std::getline(text, line);) result.push_back(nlohmann::json::parse(line));
    return result;
  }

  static void TearDownTestSuite() {
    folder_.reset();
    model_ = Network();
  }

  inline static std::unique_ptr<test::TemporaryFolder> folder_;
  inline static Network model_;
};

TEST_F(TokenRows, TheLikeliestNextTokensAndTheLoss) {
  const at::NoGradGuard no_grad;
  const auto got = answers("[2, 0, 5]\n").at(0);
  // Without filling up: the model takes three tokens as well.
  const auto logits = model_.forward(at::tensor({2, 0, 5}, at::kLong).unsqueeze(0))[0];
  const auto p = at::softmax(logits, 1);
  const auto best = p[2].argmax().item<std::int64_t>();
  EXPECT_EQ(got["next"].size(), 5U);
  EXPECT_EQ(got["next"][0]["token"], best);
  EXPECT_EQ(got["next"][0]["text"], std::string(1, static_cast<char>('a' + best)));
  EXPECT_NEAR(got["next"][0]["probability"].get<double>(), p[2].max().item<double>(), 1e-6);
  const double loss = -(std::log(p[0][0].item<double>()) + std::log(p[1][5].item<double>())) / 2;
  EXPECT_NEAR(got["loss"].get<double>(), loss, 1e-5);
  EXPECT_NEAR(got["perplexity"].get<double>(), std::exp(loss), 1e-4);
}

TEST_F(TokenRows, TheThreeFormsMeanTheSame) {
  const auto got = answers("[2, 0, 5]\n{\"tokens\": [2, 0, 5]}\n\n{\"text\": \"caf\"}\n");
  ASSERT_EQ(got.size(), 3U);
  // The rows of a batch may differ in the last bit: kernels take some of them at once.
  for (const std::size_t other : {1U, 2U}) {
    EXPECT_NEAR(got[0]["loss"].get<double>(), got[other]["loss"].get<double>(), 1e-6);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(got[0]["next"][i]["token"], got[other]["next"][i]["token"]);
  }
}

TEST_F(TokenRows, ASingleTokenHasNoLoss) { EXPECT_TRUE(answers("[1]").at(0)["loss"].is_null()); }

TEST_F(TokenRows, WrongRowsSayWhatIsWrong) {
  const auto got = answers(
      "[8]\n[1,2,3,4,5,6,7]\n[]\n{\"text\": \"xyz\"}\n{\"a\": 1}\n[0]\n[1.5]\n[true]\n{\"text\": "
      "3}\n[1e300]\n",
      9);
  const std::vector<std::string> expected{
      "row 1: token 8 is not in the vocabulary of 8", "row 2: 7 tokens are more than the 6",
      "row 3: expected at least one token", "row 4: no token stands for what is at byte 0",
      "row 5: expected tokens as"};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(got.at(i)["error"].get<std::string>().find(expected[i]), 0U) << got[i];
  EXPECT_TRUE(got.at(5).contains("next"));
  EXPECT_EQ(got.at(6)["error"], "row 7: expected tokens as whole numbers, got 1.5");
  EXPECT_EQ(got.at(7)["error"], "row 8: expected tokens as whole numbers, got true");
  EXPECT_NE(got.at(8)["error"].get<std::string>().find("got {\"text\":3}"), std::string::npos) << got.at(8);
  EXPECT_EQ(got.at(9)["error"], "row 10: expected tokens as whole numbers, got 1e300");
}

TEST_F(TokenRows, TablesAreForOtherModels) {
  const Predictor predictor(folder_->path() / "letters");
  std::ostringstream out;
  std::istringstream in("[1]");
  EXPECT_THROW(open_row_files({{"any.csv", RowForm::csv}}, predictor.manifest().preprocessing, {}),
               ConfigError);
  EXPECT_THROW(predict_json_lines(predictor, in, out, {.output = "csv"}), ConfigError);
}

TEST_F(TokenRows, TritonIsToldTheShapes) {
  const auto manifest = Manifest::read(folder_->path() / "letters" / "1");
  const auto text = triton_config(manifest, {"onnx"});
  EXPECT_NE(text.find("name: \"tokens\"\n    data_type: TYPE_INT64\n    dims: [ 6 ]"), std::string::npos)
      << text;
  EXPECT_NE(text.find("name: \"logits\"\n    data_type: TYPE_FP32\n    dims: [ 6, 8 ]"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace ringtrain
