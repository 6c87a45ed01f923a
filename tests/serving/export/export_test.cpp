#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <csignal>
#include <fstream>

#include "common/errors.h"
#include "common/files.h"
#include "common/stop_signals.h"
#include "data/schema/vocabulary.h"
#include "serving/export/expected_outputs.h"
#include "serving/export/verify_process.h"
#include "serving/predict/model_runner.h"
#include "serving/predict/predictor.h"
#include "tests/serving/test_models.h"

namespace ringtrain::test {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

/// The text of the error that `call` throws; "" when it throws none.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not in: " << text;
}

struct Job {
  std::string name;
  std::string task;
  Preprocessing preprocessing;
  MakeModel make;
};

std::vector<Job> jobs() {
  return {{"binary", "binary_classification", numeric_columns(5, {"genuine", "fraud"}), make_mlp(5, 1)},
          {"multi", "classification", numeric_columns(5, {"a", "b", "c"}), make_mlp(5, 3)},
          {"regression", "regression", numeric_columns(5, {}), make_mlp(5, 1)},
          {"mixed", "binary_classification", mixed_columns({"no", "yes"}), make_mlp(9, 1)},
          {"convnet", "classification", numeric_columns(36, {"0", "1", "2", "3"}), make_convnet(4)},
          {"zoo", "classification", numeric_columns(24, {"x", "y"}), make_operator_zoo(2)}};
}

/// What the model of the request answers, without any code of serving/: float32, evaluation mode, and the
/// formulas written out.
Predictor::Answers reference(const ExportRequest& request, const Predictor::Rows& rows) {
  const at::NoGradGuard no_grad;
  request.model->to(at::kFloat);
  request.model->eval();
  const auto& preprocessing = request.manifest.preprocessing;
  const at::Tensor codes = encode_words(preprocessing.categorical, rows.categorical, rows.numeric.size(0));
  const at::Tensor outputs = request.model.forward(preprocessing.apply(rows.numeric, codes, at::kFloat));
  Predictor::Answers answers;
  const auto& head = request.manifest.head;
  if (head.form == AnswerForm::values) {
    answers.predictions = outputs.select(1, 0);
  } else if (!head.is_binary()) {
    answers.probabilities = outputs.exp() / outputs.exp().sum(1, true);
    answers.classes = outputs.argmax(1);
  } else {
    const at::Tensor p = 1 / (1 + at::exp(-outputs.select(1, 0)));
    answers.probabilities = at::stack({1 - p, p}, 1);
    answers.classes = (p >= head.thresholds[0]).to(at::kLong);
  }
  return answers;
}

void expect_equal(const Predictor::Answers& got, const Predictor::Answers& expected, double tolerance) {
  if (expected.predictions.defined()) {
    EXPECT_TRUE(at::allclose(got.predictions, expected.predictions, tolerance, tolerance));
    return;
  }
  ASSERT_EQ(got.probabilities.sizes(), expected.probabilities.sizes());
  EXPECT_TRUE(at::allclose(got.probabilities, expected.probabilities, 0, tolerance));
  EXPECT_TRUE(at::equal(got.classes, expected.classes));
}

TEST(Export, BothFormatsAnswerAsTheModelAtAnyBatchSize) {
  for (const auto& job : jobs()) {
    SCOPED_TRACE(job.name);
    at::manual_seed(11);
    TemporaryFolder base;
    const auto request =
        request_of(base.path(), make_manifest(job.name, job.task, job.preprocessing), job.make);
    const fs::path version = export_model(request, verify_command());
    EXPECT_EQ(version, base.path() / job.name / "1");
    EXPECT_EQ(entries(version),
              (Strings{"manifest.json", "model.onnx", "model.pt", "schema.json", "warmup.json"}));
    const Manifest manifest = Manifest::read(version);
    const auto torchscript = load_torchscript(version, manifest);
    const auto onnx = load_onnx(version, manifest);
    for (const std::int64_t rows : {1, 2, 3, 7, 64, 129}) {
      const auto raw = random_rows(job.preprocessing, rows, 99);
      const auto expected = reference(request, raw);
      expect_equal(torchscript->run(raw), expected, 1e-6);
      expect_equal(onnx->run(raw), expected, 1e-5);
    }
  }
}

TEST(Export, RandomRowsCoverMissingAndUnknown) {
  const auto rows = random_rows(mixed_columns({"no", "yes"}), 500, 1);
  EXPECT_GT(rows.numeric.select(1, 0).isnan().sum().item<int>(), 10);
  EXPECT_EQ(rows.numeric.select(1, 1).isnan().sum().item<int>(), 0) << "V1 has no fill";
  const auto count = [](const Strings& words, const std::string& word) {
    return std::count(words.begin(), words.end(), word);
  };
  EXPECT_GT(count(rows.categorical[0], ""), 10);
  EXPECT_EQ(count(rows.categorical[1], ""), 0);
  EXPECT_GT(count(rows.categorical[1], "second"), 10);
  EXPECT_GT(count(rows.categorical[1], "a word that training did not see"), 10);
}

TEST(Export, LeavesTheModelAndTheRandomGeneratorAsTheyWere) {
  TemporaryFolder base;
  const auto request =
      request_of(base.path(), make_manifest("m", "binary_classification", numeric_columns(5, {"a", "b"})),
                 make_mlp(5, 1));
  at::manual_seed(5);
  const at::Tensor expected = at::rand({4});
  at::manual_seed(5);
  export_model(request, verify_command());
  EXPECT_TRUE(at::equal(at::rand({4}), expected));
  EXPECT_TRUE(request.model->is_training());
  EXPECT_EQ(request.model->parameters()[0].scalar_type(), at::kDouble);
  EXPECT_TRUE(request.model->parameters()[0].requires_grad());
}

TEST(Export, VersionsGoUpAndAnEmptyModelStartsAtOne) {
  TemporaryFolder base;
  const auto request =
      request_of(base.path(), make_manifest("fraud", "binary_classification", numeric_columns(3, {"a", "b"})),
                 make_mlp(3, 1));
  fs::create_directories(base.path() / "fraud" / "007");  // no version
  for (const char* version : {"1", "2", "3"})
    EXPECT_EQ(export_model(request, verify_command()), base.path() / "fraud" / version);
  fs::remove_all(base.path() / "fraud" / "3");  // by hand: its number is not given again
  EXPECT_EQ(export_model(request, verify_command()), base.path() / "fraud" / "4");
  EXPECT_EQ(Predictor(base.path() / "fraud").manifest().version, 4);
  EXPECT_EQ(Predictor(base.path() / "fraud" / "1").manifest().version, 1);
}

TEST(Export, ManifestKeepsEverything) {
  TemporaryFolder base;
  auto request = request_of(
      base.path(), make_manifest("m", "binary_classification", mixed_columns({"no", "yes"})), make_mlp(9, 1));
  const fs::path version = export_model(request, verify_command());
  const Manifest manifest = Manifest::read(version);
  EXPECT_EQ(manifest.name, "m");
  EXPECT_EQ(manifest.head.thresholds, std::vector{0.37});
  EXPECT_EQ(manifest.metrics, request.manifest.metrics);
  EXPECT_EQ(manifest.provenance["config_hash"], "00112233");
  EXPECT_EQ(manifest.provenance["libraries"]["mpi"], "4.1");
  EXPECT_EQ(manifest.provenance["libraries"]["onnx_opset"], 17);
  EXPECT_TRUE(manifest.provenance.contains("created"));
  EXPECT_EQ(manifest.files.size(), 3u);  // the models and the schema
  EXPECT_EQ(manifest.preprocessing.to_json(), request.manifest.preprocessing.to_json());
  EXPECT_EQ(Manifest::from_json(manifest.to_json()).to_json(), manifest.to_json());
}

TEST(Export, ThoseAtTheSameTimeGetDifferentVersions) {
  TemporaryFolder base;
  const auto manifest = make_manifest("m", "regression", numeric_columns(3, {}));
  const auto inner = request_of(base.path(), manifest, make_mlp(3, 1));
  // The second one is made while the first is being verified.
  fs::path second;
  auto outer = request_of(base.path(), manifest, make_mlp(3, 1));
  const auto make = outer.make_copy;
  outer.make_copy = [&] {
    second = export_model(inner, verify_command());
    return make();
  };
  EXPECT_EQ(export_model(outer, verify_command()), base.path() / "m" / "1");
  EXPECT_EQ(second, base.path() / "m" / "2");
  EXPECT_EQ(Predictor(second).manifest().version, 2);
}

/// A failed export: the error's text holds `part`, and nothing of it is left.
void expect_failure(const ExportRequest& request, const Strings& command, const std::string& part) {
  const auto before = entries(request.base / request.manifest.name);
  EXPECT_TRUE(contains(error_of([&] { export_model(request, command); }), part));
  EXPECT_EQ(entries(request.base / request.manifest.name), before);
}

TEST(ExportFailure, LeavesNothing) {
  TemporaryFolder base;
  const auto request =
      request_of(base.path(), make_manifest("fraud", "binary_classification", numeric_columns(3, {"a", "b"})),
                 make_mlp(3, 1));
  expect_failure(request, {"/bin/false"}, "ended with code 1");
  EXPECT_EQ(entries(base.path()), Strings{}) << "the model's folder was made by the failed export";
  expect_failure(request, {"/nonexistent/verifier"}, "cannot be started: No such file or directory");
  expect_failure(request, {"/bin/sh", "-c", "echo what went wrong >&2; exit 9"}, "code 9:\nwhat went wrong");
  expect_failure(request, {"/bin/sh", "-c", "kill -9 $$"}, "killed by signal 9");
  export_model(request, verify_command());
  const auto config = read_file(base.path() / "fraud" / "config.pbtxt");
  expect_failure(request, {"/bin/false"}, "ended with code 1");
  EXPECT_EQ(read_file(base.path() / "fraud" / "config.pbtxt"), config);
  EXPECT_EQ(entries(base.path() / "fraud"), (Strings{".last_version", "1", "config.pbtxt", "labels.txt"}));
}

/// Runs `script` (with $1 the staged folder, $2 the expected outputs) before the true verifier.
Strings after(const std::string& script) {
  return {"/bin/sh", "-ec", script + "\nexec " + verify_command()[0] + " \"$1\" \"$2\"", "sh"};
}

TEST(ExportFailure, AModelThatDiffersIsNotPublished) {
  TemporaryFolder base, other;
  const auto make = make_mlp(3, 1);
  const auto manifest = make_manifest("fraud", "binary_classification", numeric_columns(3, {"a", "b"}));
  const auto request = request_of(base.path(), manifest, make);
  const auto foreign = export_model(request_of(other.path(), manifest, make), verify_command()).string();
  expect_failure(request, after("cp " + foreign + "/model.pt \"$1\"/"),
                 "model.pt differs from the training model at batch size");
  expect_failure(request, after("cp " + foreign + "/model.onnx \"$1\"/"),
                 "model.onnx differs from the training model at batch size");
  expect_failure(request, after("truncate -s -100 \"$1\"/model.pt"), "model.pt cannot be loaded");
  expect_failure(request, after("truncate -s -30 \"$1\"/model.onnx"), "model.onnx");
  expect_failure(request, after("rm \"$1\"/model.*"), "holds no model");
  expect_failure(request, after("echo nonsense > \"$2\""), "does not hold expected outputs");
  expect_failure(request, after("rm \"$1\"/manifest.json"), "manifest.json");
}

TEST(ExportFailure, UnmappedOperatorIsNamed) {
  TemporaryFolder base;
  auto request =
      request_of(base.path(), make_manifest("m", "binary_classification", numeric_columns(3, {"a", "b"})),
                 make_unmapped(3));
  expect_failure(request, verify_command(), "aten::special_bessel_j0");
  request.formats = {"torchscript"};
  EXPECT_EQ(entries(export_model(request, verify_command())),
            (Strings{"manifest.json", "model.pt", "schema.json", "warmup.json"}));
}

TEST(ExportFailure, ABatchSizeBakedInIsFound) {
  TemporaryFolder base;
  const auto request =
      request_of(base.path(), make_manifest("m", "binary_classification", numeric_columns(3, {"a", "b"})),
                 make_baked(3));
  expect_failure(request, verify_command(), "flatten");
}

TEST(ExportFailure, WrongRequests) {
  TemporaryFolder base;
  const auto manifest = make_manifest("m", "classification", numeric_columns(3, {"a", "b", "c"}));
  expect_failure(request_of(base.path(), manifest, make_mlp(3, 1)), verify_command(), "needs [1, 3]");
  auto request = request_of(base.path(), manifest, make_mlp(3, 3));
  request.formats = {"torchscrypt"};
  expect_failure(request, verify_command(), "unknown export format 'torchscrypt'");
  request = request_of(base.path(), manifest, make_mlp(3, 3));
  request.make_copy = make_mlp(3, 4);
  expect_failure(request, verify_command(), "no tensor 'output.weight'");
  request.manifest.name = "../m";
  EXPECT_TRUE(contains(error_of([&] { export_model(request, verify_command()); }), "cannot name a folder"));
}

/// Random rows as a model in float64 reads and answers them, with targets near its answers.
TrainedRows trained_rows(const ExportRequest& request) {
  const at::NoGradGuard no_grad;
  const auto& preprocessing = request.manifest.preprocessing;
  TrainedRows trained;
  trained.rows = random_rows(preprocessing, 50, 3);
  const at::Tensor codes = encode_words(preprocessing.categorical, trained.rows.categorical, 50);
  trained.inputs = preprocessing.apply(trained.rows.numeric.to(at::kDouble), codes, at::kDouble);
  request.model->eval();
  trained.outputs = request.model.forward(trained.inputs);
  request.model->train();
  if (request.manifest.head.form == AnswerForm::values)
    trained.targets =
        preprocessing.scale_of(0).shift +
        preprocessing.scale_of(0).scale * (trained.outputs.select(1, 0) + 0.1 * at::randn({50}));
  else
    trained.targets = (at::rand({50}) < 0.5).to(at::kLong);
  return trained;
}

/// Before training: each format that has no form for an operator names it; the others can be written.
TEST(Export, WhatCannotBeWrittenIsKnownBeforehand) {
  TemporaryFolder base;
  Preprocessing columns;
  columns.numeric = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
  auto request = request_of(base.path(), make_manifest("bessel", "regression", columns), make_unmapped(3));
  request.formats = {"torchscript", "onnx", "savedmodel"};
  const auto problems = unwritable_formats(request);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].format, "onnx");
  EXPECT_EQ(problems[1].format, "savedmodel");
  for (const auto& problem : problems)
    EXPECT_NE(problem.why.find("special_bessel_j0"), std::string::npos) << problem.why;
  EXPECT_TRUE(std::filesystem::is_empty(base.path()));
}

TEST(Export, RowsOfTrainingInFloat64AreAnsweredToo) {
  for (const auto& job : jobs()) {
    if (job.task == "classification") continue;
    SCOPED_TRACE(job.name);
    TemporaryFolder base;
    auto preprocessing = job.preprocessing;
    if (job.task == "regression")
      preprocessing.target_scales = {{.shift = 123456.789, .scale = preprocessing.scale_of(0).scale}};
    auto request = request_of(base.path(), make_manifest(job.name, job.task, preprocessing), job.make);
    // Outputs of some thousands, whose float32 and float64 values differ by more than the export may.
    const at::NoGradGuard no_grad;
    if (job.task == "regression")
      for (auto& parameter : request.model->parameters()) parameter.mul_(20);
    request.trained = trained_rows(request);
    EXPECT_EQ(export_model(request, verify_command()), base.path() / job.name / "1");
  }
}

TEST(ExportFailure, RowsThatTrainingReadOtherwise) {
  TemporaryFolder base;
  auto request = request_of(
      base.path(), make_manifest("m", "binary_classification", mixed_columns({"no", "yes"})), make_mlp(9, 1));
  const TrainedRows right = trained_rows(request);
  request.trained = right;
  const at::Tensor inputs = right.inputs.only().clone();
  request.trained->inputs = inputs;
  inputs[6][1] += 0.01;
  expect_failure(request, verify_command(), "input 2 of row 7 is ");
  inputs[6][1] = NAN;
  expect_failure(request, verify_command(), "training had nan");
  request.trained->inputs = right.inputs.only().slice(1, 0, 8);
  expect_failure(request, verify_command(), "makes 9 inputs of a row, training had 8");
}

TEST(ExportFailure, ACopyThatIsWorseThanTheModel) {
  TemporaryFolder base;
  for (const char* task : {"binary_classification", "regression"}) {
    const bool regression = task == std::string("regression");
    const auto columns = regression ? numeric_columns(5, {}) : numeric_columns(5, {"a", "b"});
    auto request = request_of(base.path(), make_manifest("m", task, columns), make_mlp(5, 1));
    request.trained = trained_rows(request);
    request.trained->outputs = request.trained->outputs + 0.3;
    expect_failure(request, verify_command(), "the float32 copy of the model that is exported has the ");
  }
}

TEST(Verifier, KnowsNothingOfTheLauncher) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"})
    ::setenv(name, "0", 1);
  ::setenv("KEPT_FOR_THE_TEST", "1", 1);
  run_verifier({"/bin/sh", "-c", "! env | grep -E '^(OMPI|PMIX|PMI|SLURM)_'"});
  run_verifier({"/bin/sh", "-c", "test \"$KEPT_FOR_THE_TEST\" = 1"});
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) ::unsetenv(name);
}

TEST(Verifier, DiesOnlyOfSignalsThatWeDieOf) {
  for (const int signal : kStopSignals) {
    const std::vector<std::string> command{"/bin/sh", "-c", fmt::format("kill -{} $$", signal)};
    const auto before = std::signal(signal, SIG_DFL);
    EXPECT_TRUE(
        contains(error_of([&] { run_verifier(command); }), fmt::format("was killed by signal {}", signal)));
    std::signal(signal, [](int) {});
    EXPECT_EQ(error_of([&] { run_verifier(command); }), "");
    std::signal(signal, before);
  }
}

TEST(Verifier, HasATimeLimit) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(contains(error_of([] {
                         run_verifier({"/bin/sleep", "30"}, std::chrono::seconds(1));
                       }),
                       "took longer than 1 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

}  // namespace
}  // namespace ringtrain::test
