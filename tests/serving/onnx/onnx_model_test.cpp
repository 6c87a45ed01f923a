#include "serving/onnx/model.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "serving/onnx/builder.h"
#include "serving/onnx/evaluator.h"

namespace ringtrain::onnx {
namespace {

Model small_model() {
  GraphBuilder graph("small");
  graph.input(graph.reserve("x"), ElementType::float32, {std::string("n"), std::int64_t{2}});
  graph.output(graph.reserve("y"), ElementType::float32, {std::string("n"), std::int64_t{3}});
  const at::Tensor weight = at::arange(6, at::kFloat).view({2, 3});
  const std::string name = graph.initializer("weight", weight);
  EXPECT_EQ(graph.initializer("again", weight), name) << "the same tensor is stored once";
  EXPECT_EQ(graph.initializer("weight", weight + 0), "weight_1");
  const std::string product = graph.node("Gemm", {"x", name}, {{"alpha", 0.5F}, {"transB", std::int64_t{0}}});
  graph.node("Relu", {product},
             {{"text", std::string("a")},
              {"words", std::vector<std::string>{"b", ""}},
              {"numbers", std::vector<float>{1, 2}},
              {"sizes", std::vector<std::int64_t>{-1, 1LL << 40}}},
             "y");
  return {graph.take(), "1.2", {{"task", "regression"}}};
}

TEST(OnnxModel, ReadsWhatItWrote) {
  const Model model = small_model();
  const Model read = read_model(write_model(model));
  EXPECT_EQ(read.producer_version, "1.2");
  ASSERT_EQ(read.graph.nodes.size(), 2u);
  EXPECT_EQ(read.graph.nodes[0].op_type, "Gemm");
  EXPECT_EQ(read.graph.nodes[0].inputs, model.graph.nodes[0].inputs);
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t a = 0; a < model.graph.nodes[n].attributes.size(); ++a)
      EXPECT_EQ(read.graph.nodes[n].attributes.at(a).value, model.graph.nodes[n].attributes[a].value);
  ASSERT_EQ(read.graph.initializers.size(), 2u);
  EXPECT_TRUE(at::equal(read.graph.initializers[0].second, model.graph.initializers[0].second));
  EXPECT_EQ(read.graph.inputs.at(0).shape, model.graph.inputs[0].shape);
  EXPECT_EQ(read.graph.outputs.at(0).name, "y");
}

TEST(OnnxModel, IsEvaluated) {
  const auto outputs =
      evaluate(small_model().graph, {{"x", at::tensor({1.0F, 2.0F, -1.0F, 0.0F}).view({2, 2})}});
  EXPECT_TRUE(at::equal(outputs.at("y"), at::tensor({3.0F, 4.5F, 6.0F, 0.0F, 0.0F, 0.0F}).view({2, 3})));
}

void expect_refused(const std::string& bytes, const std::string& part) {
  try {
    read_model(bytes);
    ADD_FAILURE() << "no error about " << part;
  } catch (const ExportError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(OnnxModel, DamageIsFound) {
  const std::string bytes = write_model(small_model());
  expect_refused("", "no graph");
  expect_refused(bytes.substr(0, bytes.size() / 2), "not an ONNX model");
  std::string shape = bytes;  // dims of the first initializer: 08 02 08 03 → 08 02 08 04
  const auto dims = shape.find(std::string("\x08\x02\x08\x03\x10\x01", 6));
  ASSERT_NE(dims, std::string::npos);
  shape[dims + 3] = 4;
  expect_refused(shape, "initializer 'weight' of shape [2, 4] needs 32 bytes, but 24 are there");
  Model model = small_model();
  std::swap(model.graph.nodes[0], model.graph.nodes[1]);
  expect_refused(write_model(model), "before it is made");
  model = small_model();
  model.graph.nodes.pop_back();
  expect_refused(write_model(model), "no node makes the output 'y'");
  model = small_model();
  model.graph.nodes[0].outputs[0] = "x";
  expect_refused(write_model(model), "'x' is made twice");
}

TEST(OnnxModel, ATypeWithoutAPlaceIsRefused) { EXPECT_THROW(element_type(at::kComplexFloat), ExportError); }

}  // namespace
}  // namespace ringtrain::onnx
