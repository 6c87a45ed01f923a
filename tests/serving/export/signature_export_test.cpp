// A model of named tensors, from the export to the answers.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "common/errors.h"
#include "data/schema/collate.h"
#include "serving/batch/row_source.h"
#include "serving/export/expected_outputs.h"
#include "serving/export/warm_up_rows.h"
#include "serving/onnx/export.h"
#include "serving/predict/model_runner.h"
#include "serving/predict/predictor.h"
#include "serving/predict/tensor_reader.h"
#include "serving/repository/triton_config.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

using nlohmann::json;

const char* const kRows =
    R"({"series": [[0.5, -1]], "kind": 3, "counts": [1, -2, 3], "when": 1000001.5}
{"series": [[1, 2], [3, 4], [5, 6], [7, 8]], "kind": 0, "counts": [0, 0, 1], "when": 999000}
{"series": [[1, 2]], "kind": 7, "counts": [0, 0, 1], "when": 0}
{"kind": 1, "series": [], "counts": [2, 2, 2], "when": 1e6}
)";

class SignatureExport : public testing::Test {
 protected:
  SignatureExport() {
    at::manual_seed(11);
    request_ = request_of(base_.path(), make_manifest("windows", values_head(), named_tensors({})),
                          make_sequences(3));
    request_.formats = {"torchscript", "onnx", "savedmodel"};
  }

  /// What the network answers to the rows of a text, without any code of serving/ but the reader.
  at::Tensor reference(const std::vector<Fields>& samples) {
    const at::NoGradGuard no_grad;
    const auto& signature = *request_.manifest.preprocessing.signature;
    request_.model->to(at::kFloat);
    request_.model->eval();
    return request_.model.forward(collate(signature, samples)) * at::tensor({250.F, 0.5F, 3.F}) +
           at::tensor({1000.F, -2.F, 0.F});
  }

  static Fields sample(const std::vector<float>& series, std::int64_t kind,
                       const std::vector<std::int64_t>& counts, double when) {
    return Fields({{"series", at::tensor(series).reshape({static_cast<std::int64_t>(series.size() / 2), 2})},
                   {"kind", at::scalar_tensor(kind, at::kLong)},
                   {"counts", at::tensor(counts, at::kLong)},
                   {"when", at::scalar_tensor(when, at::kDouble)}});
  }

  TemporaryFolder base_;
  ExportRequest request_;
};

TEST_F(SignatureExport, AnswersRowsOfAnyLengthAsTheNetworkDoes) {
  export_model(request_, verify_command());
  const Predictor predictor(base_.path() / "windows");
  std::istringstream in(kRows);
  std::ostringstream out;
  EXPECT_EQ(predict_json_lines(predictor, in, out, {.batch_size = 3}), 1);
  const auto expected =
      reference({sample({0.5F, -1}, 3, {1, -2, 3}, 1000001.5),
                 sample({1, 2, 3, 4, 5, 6, 7, 8}, 0, {0, 0, 1}, 999000), sample({}, 1, {2, 2, 2}, 1e6)});
  std::istringstream lines(out.str());
  std::int64_t answered = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto answer = json::parse(line);
    if (answer.contains("error")) {
      EXPECT_EQ(answer["error"], "row 3: kind: expected a whole number from 0 to 4, got 7");
      continue;
    }
    const std::vector<float> got{answer["prediction"]["low"], answer["prediction"]["middle, or so"],
                                 answer["prediction"]["high"]};
    EXPECT_TRUE(at::allclose(at::tensor(got), expected[answered], 1e-5, 1e-4)) << got << expected[answered];
    ++answered;
  }
  EXPECT_EQ(answered, 3);
}

TEST_F(SignatureExport, AllFormsAgree) {
  const auto version = export_model(request_, verify_command());
  const auto manifest = Manifest::read(version);
  const auto rows = random_rows(manifest.preprocessing, 5, 3);
  const auto script = load_torchscript(version, manifest)->run(rows).predictions;
  const auto onnx = load_onnx(version, manifest)->run(rows).predictions;
  EXPECT_TRUE(at::allclose(script, onnx, 1e-5, 1e-4)) << script << onnx;
  EXPECT_TRUE(std::filesystem::exists(version / "saved_model.pb"));
  const auto tensors = json::parse(manifest.file_text()).at("tensors");
  EXPECT_EQ(
      tensors[0],
      (json{
          {"name", "series"}, {"dtype", "float32"}, {"shape", {-1, 4, 2}}, {"pad", 0.5}, {"mask", "known"}}));
  EXPECT_EQ(tensors[2], (json{{"name", "kind"}, {"dtype", "int64"}, {"shape", {-1}}, {"below", 5}}));
}

/// What ONNX Runtime refuses, the evaluator of the check would take: two types in one node.
TEST_F(SignatureExport, OnnxHasOneTypeANode) {
  request_.model->to(at::kFloat);
  request_.model->eval();
  for (auto& parameter : request_.model->parameters()) parameter.set_requires_grad(false);
  const auto graph =
      make_onnx(request_.manifest, trace_network(request_.model, request_.manifest.preprocessing)).graph;
  int casts = 0;
  for (const auto& node : graph.nodes) casts += node.op_type == "Cast" ? 1 : 0;
  // known in steps * known, in its sum, and the sum in the division; counts in the concatenation; when.
  EXPECT_GE(casts, 5);
  ASSERT_EQ(graph.inputs.size(), 5U);
  EXPECT_EQ(graph.inputs[1].name, "known");
  EXPECT_EQ(graph.inputs[1].type, onnx::ElementType::boolean);
  EXPECT_EQ(graph.inputs[0].shape, (std::vector<onnx::Dimension>{std::string("n"), 4, 2}));
}

TEST_F(SignatureExport, TrainedRowsAreCompared) {
  const auto& signature = *request_.manifest.preprocessing.signature;
  const std::vector<Fields> samples{sample({1, 2}, 1, {1, 2, 3}, 1e6),
                                    sample({3, 4, 5, 6}, 2, {0, 0, 1}, 1e6)};
  TrainedRows trained;
  trained.rows.tensors = collate(signature, samples);
  trained.inputs = collate(signature, samples, at::kDouble);
  const at::NoGradGuard no_grad;
  request_.model->eval();
  trained.outputs = request_.model.forward(trained.inputs);
  trained.targets = at::zeros({2, 3}, at::kDouble);
  request_.model->train();
  request_.trained = trained;
  export_model(request_, verify_command());
  trained.inputs.at("series")[1][0][1] += 0.5;
  request_.trained = trained;
  EXPECT_NE(thrown<ExportError>([&] {
              export_model(request_, verify_command());
            }).find("input 2 of 'series' of row 2 is 4, training had 4.5"),
            std::string::npos);
}

TEST_F(SignatureExport, TheWarmUpRowsAreRowsOfTheModel) {
  const auto& signature = *request_.manifest.preprocessing.signature;
  const auto text = warm_up_rows(request_.manifest.preprocessing);
  const auto rows = json::parse(text).at("instances");
  ASSERT_EQ(rows.size(), 8U);
  EXPECT_LT(rows[0]["series"].size(), rows[7]["series"].size());
  rapidjson::Document document;
  for (const auto& row : rows) {
    document.Parse(row.dump().c_str());
    collate(signature, {TensorReader(signature).read(document)});  // throws
  }
}

TEST_F(SignatureExport, TritonReadsTheSameInputs) {
  const auto text = triton_config(request_.manifest, {"torchscript", "onnx"});
  EXPECT_NE(text.find("name: \"INPUT__0\"\n    data_type: TYPE_FP32\n    dims: [ 4, 2 ]"), std::string::npos)
      << text;
  EXPECT_NE(text.find("name: \"INPUT__1\"\n    data_type: TYPE_BOOL\n    dims: [ 4 ]"), std::string::npos);
  EXPECT_NE(
      text.find(
          "name: \"INPUT__2\"\n    data_type: TYPE_INT64\n    dims: [ 1 ]\n    reshape: { shape: [ ] }"),
      std::string::npos);
  EXPECT_NE(triton_config(request_.manifest, {"onnx"}).find("name: \"series\""), std::string::npos);
}

TEST_F(SignatureExport, ATableIsRefused) {
  TemporaryFolder files;
  const auto file = files.path() / "rows.csv";
  files.write("rows.csv", "series,kind\n1,2\n");
  EXPECT_EQ(
      thrown<ConfigError>([&] {
        open_row_files({{file, RowForm::csv}}, request_.manifest.preprocessing, {});
      }),
      file.string() +
          ": the model reads named tensors (series, kind, counts, when), not columns; give it JSON lines "
          "(--json-instances), an object with these names a row");
}

}  // namespace
}  // namespace ringtrain::test
