#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "models/mlp.h"
#include "serving/export/expected_outputs.h"
#include "serving/onnx/evaluator.h"
#include "serving/onnx/export.h"
#include "serving/onnx/model.h"
#include "serving/predict/model_runner.h"
#include "serving/predict/predictor.h"
#include "tests/serving/test_models.h"

namespace ringtrain::test {
namespace {

Preprocessing coded_columns() {
  auto result = mixed_columns({"no", "yes"});
  result.categorical.push_back({.name = "shop",
                                .vocabulary = {"east", "north", "west"},
                                .missing_is_category = true,
                                .encoding = Encoding::embedding,
                                .min_count = 2});
  result.categorical.push_back(
      {.name = "user", .missing_is_category = true, .encoding = Encoding::hash, .buckets = 50});
  result.categorical.push_back({.name = "town",
                                .vocabulary = {"Bern", "Rom"},
                                .missing_is_unseen = true,
                                .encoding = Encoding::embedding});
  return result;
}

/// A network whose tables are random, so that each code answers in its own way.
MakeModel make_coded(const Preprocessing& preprocessing) {
  return [preprocessing] {
    at::manual_seed(3);
    const MlpKind kind;
    const auto network =
        kind.make({.features = preprocessing.width(), .outputs = 1, .categories = preprocessing.coded()});
    const at::NoGradGuard no_grad;
    for (auto& parameter : network->named_parameters())
      if (parameter.key().starts_with("embedding")) parameter.value().normal_(0, 2);
    return network;
  };
}

/// Rows of which all but the words of the coded columns are alike.
Predictor::Rows rows_of(const std::vector<std::vector<std::string>>& words) {
  const auto count = words.at(0).size();
  Predictor::Rows rows;
  rows.numeric = at::zeros({static_cast<std::int64_t>(count), 3});
  rows.categorical = {std::vector<std::string>(count, "blue"), std::vector<std::string>(count, "first")};
  rows.categorical.insert(rows.categorical.end(), words.begin(), words.end());
  return rows;
}

/// The network's answers for rows whose codes are written out here.
at::Tensor probabilities_of(const ExportRequest& request,
                            const std::vector<std::vector<std::int64_t>>& codes) {
  const at::NoGradGuard no_grad;
  request.model->to(at::kFloat);
  request.model->eval();
  const auto rows = static_cast<std::int64_t>(codes.size());
  at::Tensor categories = at::empty({rows, 3}, at::kLong);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < 3; ++c)
      categories[r][c] = codes[static_cast<std::size_t>(r)][static_cast<std::size_t>(c)];
  auto features = at::zeros({rows, request.manifest.preprocessing.width()});
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto& column = request.manifest.preprocessing.numeric[static_cast<std::size_t>(c)];
    features.select(1, c).fill_((0 - static_cast<float>(column.shift)) * static_cast<float>(column.scale));
  }
  features.select(1, 3).fill_(1);  // blue
  features.select(1, 7).fill_(1);  // first, behind color's three words and its missing one
  const auto outputs = request.model.forward(Fields({{"numeric", features}, {"categories", categories}}));
  return at::sigmoid(outputs.select(1, 0));
}

TEST(CodedColumns, TheExportAnswersAsTheNetworkDoesForEachCode) {
  TemporaryFolder base;
  const auto preprocessing = coded_columns();
  auto request = request_of(base.path(), make_manifest("coded", "binary_classification", preprocessing),
                            make_coded(preprocessing));
  request.formats = {"torchscript", "onnx", "savedmodel"};
  const auto folder = export_model(request, verify_command());
  const auto manifest = Manifest::read(folder);

  const auto bucket = [](const char* word) { return static_cast<std::int64_t>(1 + hash_bytes(word) % 50); };
  const auto rows = rows_of({{"east", "west", "never", "", "north"},
                             {"u1", "u2", "", "u1", "u99"},
                             {"Rom", "", "Paris", "Bern", "Rom"}});
  const auto expected = probabilities_of(
      request,
      {{2, bucket("u1"), 3}, {4, bucket("u2"), 1}, {1, 0, 1}, {0, bucket("u1"), 2}, {3, bucket("u99"), 3}});
  ASSERT_GT((expected.slice(0, 1) - expected.slice(0, 0, 4)).abs().min().item<float>(), 1e-3);
  for (const auto& runner : {load_torchscript(folder, manifest), load_onnx(folder, manifest)}) {
    const auto answers = runner->run(rows);
    EXPECT_LT((answers.probabilities.select(1, 1) - expected).abs().max().item<float>(), 1e-5);
  }
  EXPECT_LT((Predictor(folder.string()).predict(rows).probabilities.select(1, 1) - expected)
                .abs()
                .max()
                .item<float>(),
            1e-5);
}

/// The check of an export has words that training did not see and missing ones, in each column.
TEST(CodedColumns, TheCheckSeesUnseenAndMissingWords) {
  const auto preprocessing = coded_columns();
  const auto rows = random_rows(preprocessing, 7, 5);
  for (std::size_t c = 2; c < 5; ++c) {
    EXPECT_EQ(rows.categorical[c][0], "a word that training did not see");
    EXPECT_EQ(rows.categorical[c][1], "");
  }
}

/// Who runs the graph by himself cannot give it words where it takes codes, and is told so.
TEST(CodedColumns, TheGraphTakesCodesOfAHashedColumnByAnotherName) {
  TemporaryFolder base;
  const auto preprocessing = coded_columns();
  auto request = request_of(base.path(), make_manifest("coded", "binary_classification", preprocessing),
                            make_coded(preprocessing));
  const auto folder = export_model(request, verify_command());
  const auto model = onnx::read_model(read_file(folder / "model.onnx"));
  std::map<std::string, onnx::ElementType> types;
  for (const auto& input : model.graph.inputs) types[input.name] = input.type;
  EXPECT_EQ(types.count("user"), 0U);
  EXPECT_EQ(types.at("user_code"), onnx::ElementType::int64);
  EXPECT_EQ(types.at("shop"), onnx::ElementType::string);
  const auto answers = [&](std::int64_t code) {
    std::map<std::string, onnx::Value> inputs;
    for (const auto& [name, type] : types)
      if (type == onnx::ElementType::string) inputs[name] = std::vector<std::string>{"Rom"};
    inputs["numeric"] = at::zeros({1, 3});
    inputs["user_code"] = at::tensor({code}, at::kLong);
    return onnx::evaluate(model.graph, inputs);
  };
  EXPECT_NO_THROW(answers(0));
  EXPECT_NO_THROW(answers(50));
  for (const std::int64_t none : {-1, -51, 51}) EXPECT_THROW(answers(none), ExportError) << none;
  const auto json = nlohmann::json::parse(read_file(folder / "manifest.json"));
  EXPECT_EQ(json["columns"][6]["hash_buckets"], 50);
  EXPECT_NE(json["notes"].dump().find("do not hash: of 'user'"), std::string::npos) << json["notes"];
  const auto triton = read_file(base.path() / "coded" / "config.pbtxt");
  EXPECT_NE(triton.find("name: \"user_code\"\n    data_type: TYPE_INT64"), std::string::npos) << triton;
  EXPECT_NE(triton.find("name: \"shop\"\n    data_type: TYPE_STRING"), std::string::npos) << triton;
  // The words of a hashed column are nowhere.
  EXPECT_EQ(read_file(folder / "schema.json").find("\"u1\""), std::string::npos);
}

/// Training whose codes are one off is not exported.
TEST(CodedColumns, OtherCodesThanTrainingHadAreRefused) {
  TemporaryFolder base;
  const auto preprocessing = coded_columns();
  auto request = request_of(base.path(), make_manifest("coded", "binary_classification", preprocessing),
                            make_coded(preprocessing));
  const at::NoGradGuard no_grad;
  TrainedRows trained;
  trained.rows = random_rows(preprocessing, 20, 9);
  trained.rows.numeric = trained.rows.numeric.to(preprocessing.numeric_type());
  const Fields inputs = inputs_of(preprocessing, trained.rows);
  trained.inputs = inputs.map([](const at::Tensor& tensor) {
    return tensor.is_floating_point() ? tensor.to(at::kDouble) : tensor.clone();
  });
  request.model->eval();
  trained.outputs = request.model.forward(trained.inputs);
  trained.targets = at::zeros({20}, at::kLong);
  request.trained = trained;
  export_model(request, verify_command());
  request.trained->inputs.at("categories")[3][0] +=
      trained.inputs.at("categories")[3][0].item<std::int64_t>() < 4 ? 1 : -1;
  try {
    export_model(request, verify_command());
    ADD_FAILURE() << "a code that is one off was exported";
  } catch (const ExportError& error) {
    EXPECT_NE(std::string(error.what()).find("input 1 of 'categories' of row 4"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace ringtrain::test
