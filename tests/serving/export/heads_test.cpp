#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "serving/batch/answer_text.h"
#include "serving/export/expected_outputs.h"
#include "serving/export/verify.h"
#include "serving/onnx/export.h"
#include "serving/predict/model_outputs.h"
#include "serving/predict/model_runner.h"
#include "serving/predict/predictor.h"
#include "serving/repository/triton_config.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

/// Models whose heads are of the forms that earlier versions did not have.
namespace ringtrain::test {
namespace {

using nlohmann::json;

const std::vector<std::string> kLabels{"sport", "news, \"late\"", "art"};

struct Job {
  Manifest manifest;
  std::int64_t outputs;
  MakeModel make() const { return make_mlp(5, outputs); }
};

Job labels_job() { return {make_manifest("labels", labels_head(), numeric_columns(5, kLabels)), 3}; }
Job values_job() { return {make_manifest("values", values_head(), numeric_columns(5, {})), 3}; }
Job exponential_job() { return {make_manifest("counts", exponential_head(), numeric_columns(5, {})), 1}; }
/// One label, and two steps of a head one behind the other.
Job one_label_job() {
  using Kind = HeadOperation::Kind;
  return {make_manifest("one",
                        Head{AnswerForm::labels, 1, {{Kind::scale, {2}, {0.1}}, {Kind::sigmoid}}, {0.5}, {}},
                        numeric_columns(5, {"sport"})),
          1};
}

/// The network's outputs for raw rows, in evaluation mode.
at::Tensor outputs_of(const ExportRequest& request, const at::Tensor& numeric) {
  const at::NoGradGuard no_grad;
  request.model->to(at::kFloat);
  request.model->eval();
  const auto codes = at::empty({numeric.size(0), 0}, at::kLong);
  return request.model.forward(request.manifest.preprocessing.apply(numeric, codes, at::kFloat));
}

/// The formulas, written out.
Predictor::Answers reference(const std::string& name, const at::Tensor& outputs) {
  Predictor::Answers answers;
  if (name == "counts") {
    answers.predictions = outputs.select(1, 0).exp();
  } else if (name == "values") {
    answers.predictions = at::stack(
        {outputs.select(1, 0) * 250 + 1000, outputs.select(1, 1) * 0.5 - 2, outputs.select(1, 2) * 3}, 1);
  } else {
    const at::Tensor logits = name == "one" ? outputs * 2 + 0.1 : outputs;
    answers.probabilities = 1 / (1 + at::exp(-logits));
    const at::Tensor thresholds = name == "one" ? at::tensor({0.5F}) : at::tensor({0.5F, 0.45F, 0.6F});
    answers.labels = (answers.probabilities >= thresholds).to(at::kLong);
  }
  return answers;
}

void expect_equal(const Predictor::Answers& got, const Predictor::Answers& expected) {
  const auto near = [](const at::Tensor& a, const at::Tensor& b) {
    ASSERT_EQ(a.defined(), b.defined());
    if (!a.defined()) return;
    ASSERT_EQ(a.sizes(), b.sizes());
    EXPECT_EQ(a.scalar_type(), b.scalar_type());
    EXPECT_TRUE(at::allclose(a, b, 1e-5, 1e-6)) << a << b;
  };
  near(got.predictions, expected.predictions);
  near(got.probabilities, expected.probabilities);
  near(got.labels, expected.labels);
  EXPECT_FALSE(got.classes.defined());
}

TEST(Heads, AllFormatsAnswerAsTheFormulas) {
  for (const auto& job : {labels_job(), values_job(), exponential_job(), one_label_job()}) {
    SCOPED_TRACE(job.manifest.name);
    at::manual_seed(12);
    TemporaryFolder base;
    auto request = request_of(base.path(), job.manifest, job.make());
    request.formats = {"torchscript", "onnx", "savedmodel"};
    const auto version = export_model(request, verify_command());
    const auto manifest = Manifest::read(version);
    EXPECT_EQ(manifest.head.to_json(), job.manifest.head.to_json());
    EXPECT_EQ(manifest.task, "a task of its own");
    const auto torchscript = load_torchscript(version, manifest), onnx = load_onnx(version, manifest);
    for (const std::int64_t rows : {1, 2, 64}) {
      const auto raw = random_rows(manifest.preprocessing, rows, 99);
      const auto outputs = outputs_of(request, raw.numeric);
      const auto expected = reference(manifest.name, outputs);
      expect_equal(answers_of(manifest, outputs), expected);
      expect_equal(torchscript->run(raw), expected);
      expect_equal(onnx->run(raw), expected);
    }
  }
}

/// Rows as a model in float64 answers them, with targets of the shape `columns` says; 0: [n].
TrainedRows trained_rows(const ExportRequest& request, std::int64_t columns) {
  const at::NoGradGuard no_grad;
  TrainedRows trained;
  trained.rows = random_rows(request.manifest.preprocessing, 50, 3);
  trained.inputs = request.manifest.preprocessing.apply(trained.rows.numeric.to(at::kDouble),
                                                        at::empty({50, 0}, at::kLong), at::kDouble);
  request.model->eval();
  trained.outputs = request.model.forward(trained.inputs);
  request.model->train();
  trained.targets =
      at::rand(columns == 0 ? std::vector<std::int64_t>{50} : std::vector<std::int64_t>{50, columns});
  if (request.manifest.head.form == AnswerForm::labels)
    trained.targets = trained.targets.gt(0.5).to(at::kLong);
  return trained;
}

TEST(Heads, RowsOfTrainingAreCompared) {
  for (const auto& [job, columns] : {std::pair{labels_job(), 3}, std::pair{values_job(), 0},
                                     std::pair{values_job(), 3}, std::pair{exponential_job(), 0}}) {
    SCOPED_TRACE(job.manifest.name);
    at::manual_seed(13);
    TemporaryFolder base;
    auto request = request_of(base.path(), job.manifest, job.make());
    request.trained = trained_rows(request, columns);
    export_model(request, verify_command());
    request.trained->outputs = request.trained->outputs + 0.3;
    EXPECT_NE(thrown<ExportError>([&] {
                export_model(request, verify_command());
              }).find("the float32 copy of the model that is exported has the "),
              std::string::npos);
  }
}

TEST(Heads, LossOfLabelsAndOfSeveralValues) {
  Predictor::Answers labels;
  labels.probabilities = at::tensor({0.9F, 0.2F, 0.5F, 0.25F}).view({2, 2});
  labels.labels = at::tensor({1, 0, 1, 0}, at::kLong).view({2, 2});
  const auto truth = at::tensor({1.0, 1.0, 0.0, 0.0}, at::kDouble).view({2, 2});
  EXPECT_NEAR(loss_of(labels, truth), -(std::log(0.9) + std::log(0.2) + std::log(0.5) + std::log(0.75)) / 4,
              1e-6);
  Predictor::Answers values;
  values.predictions = at::tensor({1.F, 2.F, 3.F, 5.F}).view({2, 2});
  EXPECT_DOUBLE_EQ(loss_of(values, at::tensor({1.0, 4.0}, at::kDouble)), std::sqrt((0 + 1 + 1 + 1) / 4.0));
  EXPECT_DOUBLE_EQ(loss_of(values, values.predictions.to(at::kDouble) + 2), 2);
}

/// Answers a case as it is told to.
struct Fixed : ModelRunner {
  Predictor::Answers answers;
  Predictor::Answers run(const Predictor::Rows&) const override { return answers; }
};

TEST(Heads, LabelsMayDifferAtTheirThresholdAlone) {
  const auto manifest = labels_job().manifest;
  ExpectedCase expected;
  expected.rows.numeric = at::zeros({2, 5});
  expected.answers.probabilities = at::tensor({0.9F, 0.45F, 0.1F, 0.2F, 0.9F, 0.7F}).view({2, 3});
  expected.answers.labels = at::tensor({1, 1, 0, 0, 1, 1}, at::kLong).view({2, 3});
  Fixed model;
  model.answers = expected.answers;
  model.answers.labels = expected.answers.labels.clone();
  model.answers.labels[0][1] = 0;
  require_equal_answers("model.pt", manifest, model, expected);
  model.answers.labels[1][2] = 0;
  EXPECT_EQ(thrown<ExportError>([&] { require_equal_answers("model.pt", manifest, model, expected); }),
            "model.pt differs from the training model at batch size 2: output 'labels' in row 2: label 0, "
            "expected 1");
  model.answers.labels = expected.answers.labels.flatten();
  EXPECT_NE(thrown<ExportError>([&] {
              require_equal_answers("model.pt", manifest, model, expected);
            }).find("is Long [6], expected int64 [2, 3]"),
            std::string::npos);
}

TEST(Heads, ValuesAreComparedColumnByColumn) {
  const auto manifest = values_job().manifest;
  ExpectedCase expected;
  expected.rows.numeric = at::zeros({2, 5});
  expected.answers.predictions = at::tensor({1000.F, -2.F, 0.F, 1250.F, -1.5F, 3.F}).view({2, 3});
  Fixed model;
  model.answers.predictions = expected.answers.predictions.clone();
  model.answers.predictions[1][0] += 0.002;  // of a scale of 250
  require_equal_answers("model.pt", manifest, model, expected);
  model.answers.predictions[1][1] += 0.002;  // of a scale of 0.5
  EXPECT_NE(thrown<ExportError>([&] {
              require_equal_answers("model.pt", manifest, model, expected);
            }).find("output 'prediction' by 0.002"),
            std::string::npos);
}

/// Two rows and one that is wrong, as a batch.
RowBatch batch() {
  RowBatch result;
  result.errors = {"", "row 2: wrong", ""};
  return result;
}

std::string text_of(const Manifest& manifest, const Predictor::Answers& answers, const std::string& form) {
  const AnswerText text(manifest, form, "");
  std::int64_t errors = 0;
  auto result = text.header() + text.lines(batch(), answers, errors);
  EXPECT_EQ(errors, 1);
  return result;
}

TEST(AnswerTexts, Labels) {
  const auto manifest = labels_job().manifest;
  Predictor::Answers answers;
  answers.probabilities = at::tensor({0.75F, 0.5F, 0.25F, 0.F, 0.25F, 0.5F}).view({2, 3});
  answers.labels = at::tensor({1, 1, 0, 0, 0, 0}, at::kLong).view({2, 3});
  EXPECT_EQ(text_of(manifest, answers, "jsonl"),
            R"({"labels": ["sport", "news, \"late\""], "probabilities": [0.75, 0.5, 0.25]}
{"error": "row 2: wrong"}
{"labels": [], "probabilities": [0.0, 0.25, 0.5]}
)");
  EXPECT_EQ(text_of(manifest, answers, "csv"),
            R"(is_sport,"is_news, ""late""",is_art,p_sport,"p_news, ""late""",p_art,error
1,1,0,0.75,0.5,0.25,
,,,,,,row 2: wrong
0,0,0,0.0,0.25,0.5,
)");
}

TEST(AnswerTexts, SeveralValues) {
  const auto manifest = values_job().manifest;
  Predictor::Answers answers;
  answers.predictions = at::tensor({1.5F, 2.F, 3.F, -1.F, 0.F, 4.F}).view({2, 3});
  EXPECT_EQ(text_of(manifest, answers, "jsonl"),
            R"({"prediction": {"low": 1.5, "middle, or so": 2.0, "high": 3.0}}
{"error": "row 2: wrong"}
{"prediction": {"low": -1.0, "middle, or so": 0.0, "high": 4.0}}
)");
  EXPECT_EQ(text_of(manifest, answers, "csv"),
            R"(prediction_low,"prediction_middle, or so",prediction_high,error
1.5,2.0,3.0,
,,,row 2: wrong
-1.0,0.0,4.0,
)");
}

TEST(AnswerTexts, OneOfSeveralValuesThatIsNotFiniteIsAnError) {
  const auto manifest = values_job().manifest;
  Predictor::Answers answers;
  answers.predictions = at::tensor({1.F, INFINITY, 3.F}).view({1, 3});
  RowBatch one;
  one.errors = {""};
  std::int64_t errors = 0;
  EXPECT_NE(AnswerText(manifest, "jsonl", "").lines(one, answers, errors).find("is not finite"),
            std::string::npos);
  EXPECT_EQ(errors, 1);
}

TEST(ManifestHead, IsKeptWithWhatReadersOfNoHeadsLookFor) {
  for (const auto& job : {labels_job(), values_job(), exponential_job()}) {
    const auto written = job.manifest.to_json();
    EXPECT_EQ(written.at("head"), job.manifest.head.to_json());
    EXPECT_EQ(written.at("threshold"), 0.5);
    EXPECT_FALSE(written.contains("positive_class"));
    EXPECT_EQ(Manifest::from_json(written).to_json(), written);
  }
  const auto binary =
      make_manifest("m", "binary_classification", numeric_columns(1, {"no", "yes"})).to_json();
  EXPECT_EQ(binary.at("threshold"), 0.37);
  EXPECT_EQ(binary.at("positive_class"), "yes");
}

TEST(ManifestHead, EarlierManifestsMeanWhatTheyMeant) {
  auto scaled = numeric_columns(2, {});
  scaled.target_scales = {{.shift = 1000, .scale = 250}};
  const auto head_after = [](const std::string& task, const Preprocessing& preprocessing) {
    auto earlier = make_manifest("m", task, preprocessing).to_json();
    earlier.erase("head");
    return Manifest::from_json(earlier).head;
  };
  const auto binary = head_after("binary_classification", numeric_columns(2, {"no", "yes"}));
  EXPECT_TRUE(binary.is_binary());
  EXPECT_EQ(binary.thresholds, std::vector{0.37});
  EXPECT_EQ(binary.width(), 2);
  const auto classes = head_after("classification", numeric_columns(2, {"a", "b", "c"}));
  EXPECT_EQ(classes.to_json(),
            (Head{AnswerForm::one_class, 3, {{HeadOperation::Kind::softmax}}, {}, {}}).to_json());
  EXPECT_TRUE(head_after("regression", numeric_columns(2, {})).operations.empty());
  const auto number = head_after("regression", scaled);
  EXPECT_EQ(number.to_json(),
            (Head{AnswerForm::values, 1, {{HeadOperation::Kind::scale, {250}, {1000}}}, {}, {}}).to_json());
  const auto tokens = head_after("language_model", token_input(3, 8));
  EXPECT_EQ(tokens.form, AnswerForm::tokens);
  EXPECT_EQ(tokens.outputs, 8);
}

TEST(ManifestHead, WhatDoesNotFitIsRefused) {
  const auto refusal = [](const json& manifest) {
    return thrown<ExportError>([&] { Manifest::from_json(manifest); });
  };
  auto earlier = make_manifest("m", "regression", numeric_columns(1, {})).to_json();
  earlier["head"]["form"] = "tokens";
  EXPECT_EQ(refusal(earlier), "head: its form does not fit preprocessing.tokens (task regression)");
  earlier["head"]["form"] = "poem";
  EXPECT_EQ(refusal(earlier), "head: form: unknown 'poem'; a newer ringtrain may know it");
  earlier.erase("head");
  EXPECT_EQ(refusal(earlier), "nothing was thrown");
  earlier["task"] = "ranking";
  EXPECT_EQ(refusal(earlier),
            "task: unknown 'ranking'; expected binary_classification, classification, regression or "
            "language_model");
  earlier["task"] = "language_model";
  EXPECT_EQ(refusal(earlier), "head: its form does not fit preprocessing.tokens (task language_model)");
}

TEST(Heads, NamesOfOutputsAreNoInputs) {
  auto columns = mixed_columns(kLabels);
  columns.categorical[0].name = "labels";
  EXPECT_EQ(onnx_input_names(columns),
            (std::vector<std::string>{"numeric", "labels_column", "class_column"}));
}

TEST(Heads, TritonIsToldTheOutputs) {
  const auto labels = labels_job().manifest;
  const auto text = triton_config(labels, {"torchscript", "onnx"});
  EXPECT_NE(text.find(R"(output [
  {
    name: "OUTPUT__0"
    data_type: TYPE_FP32
    dims: [ 3 ]
    label_filename: "labels.txt"
  },
  {
    name: "OUTPUT__1"
    data_type: TYPE_INT64
    dims: [ 3 ]
  }
]
)"),
            std::string::npos)
      << text;
  EXPECT_NE(triton_config(labels, {"onnx"})
                .find("name: \"labels\"\n    data_type: TYPE_INT64\n    dims: [ 3 ]\n  }"),
            std::string::npos);
  EXPECT_EQ(triton_labels(labels), "sport\nnews, \"late\"\nart\n");
  const auto values = values_job().manifest;
  EXPECT_NE(triton_config(values, {"onnx"})
                .find("name: \"prediction\"\n    data_type: TYPE_FP32\n    dims: [ 3 ]\n  }"),
            std::string::npos);
  EXPECT_EQ(triton_labels(values), "");
}

}  // namespace
}  // namespace ringtrain::test
