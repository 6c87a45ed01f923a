// Requests for a model of named tensors, in all forms that a server takes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <future>

#include "common/errors.h"
#include "data/schema/collate.h"
#include "serving/predict/json_text.h"
#include "serving/server/batcher.h"
#include "serving/server/infer_json.h"
#include "serving/server/model_ports.h"
#include "serving/server/rows_from_json.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

const Manifest kManifest = make_manifest("windows", values_head(), named_tensors({}));
const Signature& kSignature = *kManifest.preprocessing.signature;

/// One row of three entries, one of none.
const char* const kInstances =
    R"([{"series": [[1, 2], [3, 4], [5, 6]], "kind": 1, "counts": [1, 2, 3], "when": 0.5},
        {"series": [], "kind": 4, "counts": [0, 0, 0], "when": -1}])";
const char* const kColumns =
    R"({"series": [[[1, 2], [3, 4], [5, 6]], []], "kind": [1, 4], "counts": [[1, 2, 3], [0, 0, 0]], "when": [0.5, -1]})";

void expect_rows(const Predictor::Rows& rows) {
  EXPECT_EQ(rows.size(), 2);
  const auto& tensors = rows.tensors;
  EXPECT_TRUE(at::equal(tensors.at("series"), at::tensor({1.F, 2.F, 3.F, 4.F, 5.F, 6.F, 0.5F, 0.5F, 0.5F,
                                                          0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F})
                                                  .view({2, 4, 2})));
  EXPECT_TRUE(
      at::equal(tensors.at("known"), at::tensor({1, 1, 1, 0, 0, 0, 0, 0}).to(at::kBool).view({2, 4})));
  EXPECT_TRUE(at::equal(tensors.at("kind"), at::tensor({1, 4}, at::kLong)));
  EXPECT_TRUE(at::equal(tensors.at("when"), at::tensor({0.5, -1.0}, at::kDouble)));
}

Predictor::Rows instances(const std::string& text) {
  return rows_of_instances(parse_json(text), kSignature, TensorReader(kSignature));
}
Predictor::Rows inputs(const std::string& text) {
  return rows_of_inputs(parse_json(text), kSignature, TensorReader(kSignature));
}

TEST(TensorRequests, RowsAndColumnsAreTheSame) {
  expect_rows(instances(kInstances));
  expect_rows(inputs(kColumns));
  expect_rows(inputs(kInstances));
  EXPECT_EQ(thrown<DataError>([] {
              instances(R"([{"series": [], "kind": 4, "counts": [0, 0, 0], "when": -1}, {"series": [[1, "2"]],
                             "kind": 4, "counts": [0, 0, 0], "when": -1}])");
            }),
            "row 2: series[0][1]: expected a number, got \"2\"");
  EXPECT_EQ(thrown<DataError>([] { instances("{}"); }), "\"instances\": expected an array of rows");
  EXPECT_EQ(thrown<DataError>([] { inputs("3"); }),
            "\"inputs\": expected an object with an array of samples for each of the model's inputs");
}

TEST(TensorRequests, WhatIsShortIsNotPaddedWithoutEnd) {
  const Signature large{{{.name = "x", .dims = {1 << 25}, .pad = 0}}};
  EXPECT_NE(thrown<DataError>([&] {
              rows_of_instances(parse_json("[[], [], []]"), large, TensorReader(large));
            }).find("3 rows of 33,554,432 values are more than are answered at once"),
            std::string::npos);
}

TEST(TensorRequests, PortsAreTheSignature) {
  const auto ports = input_ports(kManifest);
  ASSERT_EQ(ports.size(), 5U);
  const std::vector<std::string> types{"FP32", "BOOL", "INT64", "INT64", "FP64"};
  const std::vector<std::vector<std::int64_t>> shapes{{-1, 4, 2}, {-1, 4}, {-1}, {-1, 3}, {-1}};
  for (std::size_t i = 0; i < ports.size(); ++i) {
    EXPECT_EQ(ports[i].name, kSignature.inputs[i].name);
    EXPECT_EQ(ports[i].datatype, types[i]);
    EXPECT_EQ(ports[i].shape, shapes[i]);
  }
}

/// All inputs of the rows above, exactly.
std::vector<InferTensor> tensors() {
  std::vector<InferTensor> result;
  const auto rows = instances(kInstances);
  const auto ports = input_ports(kManifest);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto& tensor = rows.tensors.at(ports[i].name);
    result.push_back({ports[i].name, ports[i].datatype, tensor.sizes().vec(), tensor, {}});
  }
  return result;
}

TEST(TensorRequests, TensorsAreTakenExactly) {
  expect_rows(rows_of(tensors(), kManifest));
  auto numbered = tensors();
  for (std::size_t i = 0; i < numbered.size(); ++i) numbered[i].name = "INPUT__" + std::to_string(i);
  expect_rows(rows_of(numbered, kManifest));
  std::vector<InferTensor> carried;  // as bytes
  for (const auto& one : tensors())
    carried.push_back(tensor_from_bytes(one.name, one.datatype, one.shape, bytes_of(one)));
  expect_rows(rows_of(carried, kManifest));
  const auto refused = [](auto change) {
    auto given = tensors();
    change(given);
    return thrown<DataError>([&] { rows_of(given, kManifest); });
  };
  EXPECT_EQ(refused([](auto& given) { given.erase(given.begin() + 1); }), "input 'known' is missing");
  EXPECT_EQ(
      refused([](auto& given) {
        given[0].shape = {2, 2, 4};
        given[4].datatype = "FP32";
        given[3].name = "conuts";
      }),
      "input 'series': expected FP32 [2, 4, 2], got FP32 [2, 2, 4]; unknown input 'conuts'; the model has: "
      "series, known, kind, counts, when. Did you mean 'counts'?; input 'when': expected FP64 [2], got FP32 "
      "[2]; input 'counts' is missing");
  EXPECT_EQ(refused([](auto& given) { given[0].values[1][3][1] = 7; }),
            "input 'series', row 2: its values are not the pad 0.5 where its mask 'known' is 0");
  EXPECT_EQ(refused([](auto& given) { given[2].values[0] = 5; }),
            "input 'kind', row 1: a value does not lie between 0 and 4");
  EXPECT_EQ(refused([](auto& given) { given[1].values.view(at::kByte)[0][0] = 2; }),
            "input 'known', row 1: a value is neither true nor false");
  EXPECT_EQ(refused([](auto& given) { given.push_back(given[0]); }), "input 'series' is given twice");
}

/// The server joins the rows of several requests in one run.
TEST(TensorRequests, RowsOfSeveralRequestsAreJoined) {
  boost::asio::thread_pool pool(1);
  std::vector<std::int64_t> runs;
  const auto batcher = std::make_shared<Batcher>(
      pool, Batcher::Options{.most_rows = 4, .delay = std::chrono::minutes(10)},
      [&](const Predictor::Rows& rows) {
        runs.push_back(rows.size());
        return Predictor::Answers{{}, {}, rows.tensors.at("kind").to(at::kFloat), {}};
      },
      [](std::int64_t, std::int64_t, double) {});
  std::vector<std::promise<at::Tensor>> answers(2);
  for (auto& answer : answers)
    batcher->submit(instances(kInstances), [&answer](const Predictor::Answers& all, std::exception_ptr) {
      answer.set_value(all.predictions);
    });
  for (auto& answer : answers) EXPECT_TRUE(at::equal(answer.get_future().get(), at::tensor({1.F, 4.F})));
  pool.stop();  // the delay has not passed
  pool.join();
  EXPECT_EQ(runs, (std::vector<std::int64_t>{4}));
}

}  // namespace
}  // namespace ringtrain::test
