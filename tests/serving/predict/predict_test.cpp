#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/errors.h"
#include "serving/predict/model_runner.h"
#include "serving/predict/predictor.h"
#include "tests/serving/test_models.h"

namespace ringtrain::test {
namespace {

using nlohmann::json;

class Predict : public testing::Test {
 protected:
  Predict() {
    at::manual_seed(3);
    const auto manifest =
        make_manifest("mixed", "binary_classification", mixed_columns({"no", "very, \"yes\""}));
    export_model(request_of(base_.path(), manifest, make_mlp(9, 1)), verify_command());
    predictor_ = std::make_unique<Predictor>(base_.path() / "mixed");
  }

  std::vector<std::string> answers(const std::string& text, std::int64_t errors,
                                   const PredictOptions& options = {}) {
    std::istringstream in(text);
    std::ostringstream out;
    EXPECT_EQ(predict_json_lines(*predictor_, in, out, options), errors);
    return lines(out.str());
  }

  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> result;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) result.push_back(line);
    return result;
  }

  std::string error_of_row(const std::string& row) {
    return json::parse(answers(row + "\n", 1).at(0)).at("error");
  }

  TemporaryFolder base_;
  std::unique_ptr<Predictor> predictor_;
};

const char* const good = R"({"V0": 0.5, "V1": 2, "V2": -1e-3, "color": "green", "class": "first"})";

TEST_F(Predict, AnswersAreThoseOfTheModel) {
  const auto line = json::parse(answers(std::string(good) + "\n", 0).at(0));
  Predictor::Rows rows{at::tensor({0.5F, 2.0F, -1e-3F}).view({1, 3}), {{"green"}, {"first"}}, {}};
  const auto expected = predictor_->predict(rows);
  EXPECT_EQ(line["probabilities"][0].get<float>(), expected.probabilities[0][0].item<float>());
  EXPECT_EQ(line["probabilities"][1].get<float>(), expected.probabilities[0][1].item<float>());
  EXPECT_EQ(line["class"], expected.classes[0].item<std::int64_t>());
  EXPECT_EQ(line["label"], line["class"] == 1 ? "very, \"yes\"" : "no");
}

TEST_F(Predict, ObjectsInAnyOrderAndArraysAreTheSame) {
  const auto rows =
      answers(std::string(good) + "\n" +
                  R"({"class": "first", "color": "green", "V2": -1e-3, "V1": 2, "V0": 0.5, "Class": 1})" +
                  "\n\n  \n" + "[0.5, 2, -0.001, \"green\", \"first\"]",
              0);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_EQ(rows[0], rows[2]);
}

TEST_F(Predict, MissingValuesTakeTheirDeclaredMeaning) {
  const auto rows = answers(R"({"V0": null, "V1": 2, "V2": 3, "color": null, "class": "first"})"
                            "\n"
                            R"({"V1": 2, "V2": 3, "color": "", "class": "first"})"
                            "\n"
                            R"({"V0": 0.0, "V1": 2, "V2": 3, "class": "first"})"  // V0's fill is 0
                            "\n"
                            R"({"V0": 0.0, "V1": 2, "V2": 3, "color": "never seen", "class": "first"})",
                            0);
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_EQ(rows[0], rows[2]);
  EXPECT_NE(rows[0], rows[3]);
}

TEST_F(Predict, BadRowsNameTheirField) {
  const auto error = [this](const std::string& row) { return error_of_row(row); };
  EXPECT_EQ(error(R"({"V0": 1, "V1": "abc", "V2": 3, "class": "first"})"),
            "row 1: field 'V1': expected a number, got \"abc\"");
  EXPECT_EQ(error(R"({"V0": 1, "V1": [2.5], "V2": 3, "class": "first"})"),
            "row 1: field 'V1': expected a number, got [2.5]");
  EXPECT_EQ(error(R"({"V0": 1, "V1": 9007199254740993, "V2": 3, "class": "first"})"),
            "row 1: field 'V1': expected a number that float64 holds (whole ones beyond 2^53 lose their last "
            "digits), got 9007199254740993");
  EXPECT_EQ(error(R"({"V0": 1, "V1": 2, "V2": 3, "class": [7]})"),
            "row 1: field 'class': expected a string, got [7]");
  EXPECT_EQ(error(R"({"V0": 1, "V1": 1e39, "V2": 3, "class": "first"})"),
            "row 1: field 'V1': expected a number within the range of float32, got 1e39");
  EXPECT_EQ(error(R"({"V0": 1, "V1": 1e999, "V2": 3, "class": "first"})"),
            "row 1: not JSON: Number too big to be stored in double. (at byte 16)");
  EXPECT_EQ(error(R"({"V0": 1, "V1": null, "V2": 3, "class": "first"})"),
            "row 1: field 'V1': missing value; the model was trained without missing values there");
  EXPECT_EQ(error(R"({"V0": 1, "V1": 2, "V2": 3})"),
            "row 1: field 'class': missing value; the model was trained without missing values there");
  EXPECT_EQ(
      error(R"({"V0": 1, "V1": 2, "V2": 3, "colour": "blue", "class": "first"})"),
      "row 1: unknown field 'colour'; the model takes: V0, V1, V2, color, class. Did you mean 'color'?");
  EXPECT_EQ(error("[1, 2, 3]"), "row 1: expected 5 values (V0, V1, V2, color, class), got 3");
  EXPECT_EQ(error("3"), "row 1: expected an object or an array, got 3");
  EXPECT_NE(error("{\"V0\": 1,").find("row 1: not JSON: "), std::string::npos);
  EXPECT_EQ(error(R"({"V0": NaN, "V2": 1, "class": "first"})"),  // as TensorFlow Serving takes it
            "row 1: field 'V1': missing value; the model was trained without missing values there");
}

TEST_F(Predict, RowsKeepTheirOrderAtEveryBatchSize) {
  std::string text;
  for (int i = 0; i < 50; ++i)
    text += i % 7 == 3 ? "broken\n"
                       : json({i * 0.1, i * 0.2, -i * 0.1, "blue", i % 2 ? "first" : "second"}).dump() + "\n";
  const auto expected = answers(text, 7, {.batch_size = 1});
  ASSERT_EQ(expected.size(), 50u);
  for (int i = 0; i < 50; ++i) {
    const auto line = json::parse(expected[static_cast<std::size_t>(i)]);
    if (i % 7 == 3) {
      EXPECT_NE(line.at("error").get<std::string>().find("row " + std::to_string(i + 1) + ":"),
                std::string::npos);
    } else {
      const auto row = at::tensor({i * 0.1, i * 0.2, -i * 0.1}).to(at::kFloat).view({1, 3});
      const auto p = predictor_->predict({row, {{"blue"}, {i % 2 ? "first" : "second"}}, {}})
                         .probabilities[0][1]
                         .item<float>();
      EXPECT_NEAR(line.at("probabilities")[1].get<float>(), p, 1e-6);
    }
  }
  for (const std::int64_t batch_size : {3, 50, 1000}) {
    const auto got = answers(text, 7, {.batch_size = batch_size});
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const auto a = json::parse(got[i]), b = json::parse(expected[i]);
      EXPECT_EQ(a.value("error", ""), b.value("error", ""));
      EXPECT_EQ(a.value("class", -1), b.value("class", -1));
      if (a.contains("probabilities")) {
        EXPECT_NEAR(a["probabilities"][1].get<double>(), b["probabilities"][1].get<double>(), 1e-6);
      }
    }
  }
}

TEST_F(Predict, WrongOptions) {
  std::istringstream in;
  std::ostringstream out;
  EXPECT_THROW(predict_json_lines(*predictor_, in, out, {.output = "xml"}), ConfigError);
  EXPECT_THROW(predict_json_lines(*predictor_, in, out, {.batch_size = 0}), ConfigError);
}

TEST_F(Predict, NothingGivesNothing) { EXPECT_TRUE(answers("\n\n", 0).empty()); }

TEST_F(Predict, DamagedAndAbsentModelsAreNamed) {
  const auto text_of = [](const std::filesystem::path& model) -> std::string {
    try {
      Predictor{model};
    } catch (const ExportError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(text_of(base_.path() / "fraud").find("fraud is not a folder"), std::string::npos);
  EXPECT_NE(text_of(base_.path()).find("holds no version"), std::string::npos);
  std::ofstream(base_.path() / "mixed" / "1" / "model.pt", std::ios::app) << "x";
  EXPECT_NE(text_of(base_.path() / "mixed").find("model.pt is damaged"), std::string::npos);
  std::filesystem::remove(base_.path() / "mixed" / "1" / "model.pt");
  EXPECT_NE(text_of(base_.path() / "mixed").find("model.pt is missing"), std::string::npos);
  std::ofstream(base_.path() / "mixed" / "1" / "manifest.json") << "{\"format\": 9}";
  EXPECT_NE(text_of(base_.path() / "mixed").find("use a newer ringtrain"), std::string::npos);
}

/// All formats give the network's output times the scale plus the shift.
TEST(PredictRegression, AnswersAreInTheTargetsUnit) {
  at::manual_seed(4);
  TemporaryFolder base;
  auto preprocessing = numeric_columns(2, {});
  preprocessing.target_scales = {{.shift = 1000, .scale = 250}};
  auto request = request_of(base.path(), make_manifest("price", "regression", preprocessing), make_mlp(2, 1));
  request.formats = {"torchscript", "onnx"};
  export_model(request, verify_command());
  request.model->to(at::kFloat);
  request.model->eval();
  const Predictor::Rows rows{at::tensor({0.5F, 2.0F, -1.0F, 3.0F}).view({2, 2}), {}, {}};
  const at::NoGradGuard no_grad;
  const auto outputs =
      request.model.forward(preprocessing.apply(rows.numeric, at::empty({2, 0}, at::kLong), at::kFloat));
  const auto expected = 1000 + 250 * outputs.squeeze(1).to(at::kDouble);
  const auto version = base.path() / "price" / "1";
  const auto manifest = Manifest::read(version);
  for (const auto& model : {load_torchscript(version, manifest), load_onnx(version, manifest)}) {
    const auto got = model->run(rows).predictions;
    EXPECT_TRUE(at::allclose(got.to(at::kDouble), expected, 1e-6, 1e-3)) << got << expected;
  }
}

TEST(PredictRegression, GivesOneNumberARow) {
  TemporaryFolder base;
  export_model(
      request_of(base.path(), make_manifest("price", "regression", numeric_columns(2, {})), make_mlp(2, 1)),
      verify_command());
  const Predictor predictor(base.path() / "price");
  std::istringstream in("[1, 2]\n[1]\n"), again("[1, 2]\n[1]\n");
  std::ostringstream out, csv;
  EXPECT_EQ(predict_json_lines(predictor, in, out, {}), 1);
  const auto value = json::parse(out.str().substr(0, out.str().find('\n'))).at("prediction").get<float>();
  EXPECT_EQ(value,
            predictor.predict({at::tensor({1.0F, 2.0F}).view({1, 2}), {}, {}}).predictions[0].item<float>());
  EXPECT_EQ(predict_json_lines(predictor, again, csv, {.output = "csv"}), 1);
  EXPECT_EQ(csv.str().substr(0, 17), "prediction,error\n");
  EXPECT_NE(csv.str().find("\n,\"row 2: expected 2 values (V0, V1), got 1\"\n"), std::string::npos);
}

}  // namespace
}  // namespace ringtrain::test
