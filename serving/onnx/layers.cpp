#include <ATen/ATen.h>
#include <fmt/format.h>

#include "serving/onnx/operators.h"

/// ATen operators with weights: affine maps, convolutions, normalisations; and pooling.
namespace ringtrain::onnx {
namespace {

using Sizes = std::vector<std::int64_t>;

/// x W^T + b.
std::string linear(const OperatorCall& call) {
  auto& g = call.graph;
  std::vector<std::string> inputs{call.tensor(0), call.tensor(1)};
  if (call.rank(0) == 2) {
    if (call.has(2)) inputs.push_back(call.tensor(2));
    return g.node("Gemm", inputs, {{"transB", std::int64_t{1}}});
  }
  inputs[1] = g.node("Transpose", {inputs[1]}, {{"perm", Sizes{1, 0}}});
  const std::string product = g.node("MatMul", inputs);
  return call.has(2) ? g.node("Add", {product, call.tensor(2)}) : product;
}

/// beta * input + alpha * (mat1 mat2).
std::string addmm(const OperatorCall& call) {
  return call.graph.node(
      "Gemm", {call.tensor(1), call.tensor(2), call.tensor(0)},
      {{"beta", static_cast<float>(call.number(3))}, {"alpha", static_cast<float>(call.number(4))}});
}

std::string matmul(const OperatorCall& call) {
  return call.graph.node("MatMul", {call.tensor(0), call.tensor(1)});
}

/// A size for each spatial dimension; ATen takes one number for all.
Sizes spatial(Sizes values, std::int64_t dimensions, std::int64_t otherwise) {
  if (values.empty()) values = {otherwise};
  if (values.size() == 1) values.resize(static_cast<std::size_t>(dimensions), values[0]);
  return values;
}

/// The same padding before and behind.
Sizes both_sides(const Sizes& padding) {
  Sizes pads = padding;
  pads.insert(pads.end(), padding.begin(), padding.end());
  return pads;
}

Sizes convolution_pads(const OperatorCall& call, const Sizes& kernel, const Sizes& dilation) {
  const auto dimensions = static_cast<std::int64_t>(kernel.size());
  if (!call.is_text(4)) return both_sides(spatial(call.integers(4), dimensions, 0));
  Sizes pads(kernel.size() * 2, 0);
  if (call.text(4) == "valid") return pads;
  for (std::size_t d = 0; d < kernel.size(); ++d) {
    const auto total = dilation[d] * (kernel[d] - 1);
    pads[d] = total / 2;
    pads[d + kernel.size()] = total - total / 2;
  }
  return pads;
}

/// conv1d, conv2d, conv3d(x, weight, bias, stride, padding, dilation, groups); _convolution has transposed
/// and output_padding before groups.
std::string convolution(const OperatorCall& call) {
  const bool general = call.name() == "aten::_convolution";
  if (general && call.flag(6)) call.fail("transposed convolutions have no mapping");
  const Sizes weight = call.shape(1);
  const Sizes kernel(weight.begin() + 2, weight.end());
  const auto dimensions = static_cast<std::int64_t>(kernel.size());
  if (call.rank(0) != dimensions + 2) call.fail("the input must have a batch dimension");
  const Sizes dilation = spatial(call.integers(5), dimensions, 1);
  std::vector<std::string> inputs{call.tensor(0), call.tensor(1)};
  if (call.has(2)) inputs.push_back(call.tensor(2));
  return call.graph.node("Conv", inputs,
                         {{"kernel_shape", kernel},
                          {"strides", spatial(call.integers(3), dimensions, 1)},
                          {"pads", convolution_pads(call, kernel, dilation)},
                          {"dilations", dilation},
                          {"group", call.integer(general ? 8 : 6)}});
}

/// ONNX has GroupNormalization from opset 18 on; here each group is normalised as one instance, then scaled
/// channel by channel.
std::string group_norm(const OperatorCall& call) {
  auto& g = call.graph;
  const Sizes shape = call.shape(0);
  const auto groups = call.integer(1);
  std::int64_t values = 1;
  for (std::size_t d = 1; d < shape.size(); ++d) values *= shape[d];
  Sizes back = shape;
  back[0] = 0;  // as in the input: the batch
  const std::string grouped = g.node("Reshape", {call.tensor(0), g.constant({0, groups, values / groups})});
  const std::string normal = g.node("InstanceNormalization",
                                    {grouped, g.initializer("group_scale", at::ones({groups})),
                                     g.initializer("group_bias", at::zeros({groups}))},
                                    {{"epsilon", static_cast<float>(call.number(4))}});
  std::string result = g.node("Reshape", {normal, g.constant(back)});
  Sizes channels(shape.size() - 1, 1);
  channels[0] = shape[1];
  if (call.has(2))
    result = g.node("Mul", {result, g.node("Reshape", {call.tensor(2), g.constant(channels)})});
  if (call.has(3))
    result = g.node("Add", {result, g.node("Reshape", {call.tensor(3), g.constant(channels)})});
  return result;
}

std::string layer_norm(const OperatorCall& call) {
  auto& g = call.graph;
  const Sizes normalized = call.integers(1);
  std::vector<std::string> inputs{call.tensor(0),
                                  call.has(2) ? call.tensor(2) : g.initializer("ones", at::ones(normalized))};
  if (call.has(3)) inputs.push_back(call.tensor(3));
  return g.node("LayerNormalization", inputs,
                {{"axis", -static_cast<std::int64_t>(normalized.size())},
                 {"epsilon", static_cast<float>(call.number(4))}});
}

std::string batch_norm(const OperatorCall& call) {
  auto& g = call.graph;
  if (call.flag(5)) call.fail("it is in training mode; take the mode from is_training()");
  const std::int64_t channels = call.shape(0).at(1);
  return g.node("BatchNormalization",
                {call.tensor(0), call.has(1) ? call.tensor(1) : g.initializer("ones", at::ones({channels})),
                 call.has(2) ? call.tensor(2) : g.initializer("zeros", at::zeros({channels})), call.tensor(3),
                 call.tensor(4)},
                {{"epsilon", static_cast<float>(call.number(7))}});
}

/// max_pool2d(x, kernel, stride, padding, dilation, ceil_mode), and 1d.
std::string max_pool(const OperatorCall& call) {
  const auto dimensions = call.rank(0) - 2;
  const Sizes kernel = spatial(call.integers(1), dimensions, 1);
  Sizes stride = call.integers(2);
  if (stride.empty()) stride = kernel;
  return call.graph.node("MaxPool", {call.tensor(0)},
                         {{"kernel_shape", kernel},
                          {"strides", spatial(stride, dimensions, 1)},
                          {"pads", both_sides(spatial(call.integers(3), dimensions, 0))},
                          {"dilations", spatial(call.integers(4), dimensions, 1)},
                          {"ceil_mode", std::int64_t{call.flag(5)}}});
}

/// avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override), and 1d.
std::string avg_pool(const OperatorCall& call) {
  if (call.has(6)) call.fail("divisor_override has no mapping");
  if (call.flag(4)) call.fail("ceil_mode has no mapping");
  const auto dimensions = call.rank(0) - 2;
  const Sizes kernel = spatial(call.integers(1), dimensions, 1);
  Sizes stride = call.integers(2);
  if (stride.empty()) stride = kernel;
  return call.graph.node("AveragePool", {call.tensor(0)},
                         {{"kernel_shape", kernel},
                          {"strides", spatial(stride, dimensions, 1)},
                          {"pads", both_sides(spatial(call.integers(3), dimensions, 0))},
                          {"count_include_pad", std::int64_t{call.flag(5)}}});
}

std::string global_average(const OperatorCall& call) {
  for (const auto size : call.integers(1))
    if (size != 1) call.fail(fmt::format("an output size of {} has no mapping; only 1 has", size));
  return call.graph.node("GlobalAveragePool", {call.tensor(0)});
}

}  // namespace

void add_layer_operators(std::map<std::string, Operator>& table) {
  table["aten::linear"] = linear;
  table["aten::addmm"] = addmm;
  table["aten::matmul"] = matmul;
  table["aten::mm"] = matmul;
  table["aten::bmm"] = matmul;
  for (const char* name :
       {"aten::conv1d", "aten::conv2d", "aten::conv3d", "aten::_convolution", "aten::_convolution_mode"})
    table[name] = convolution;
  table["aten::group_norm"] = group_norm;
  table["aten::layer_norm"] = layer_norm;
  table["aten::batch_norm"] = batch_norm;
  table["aten::max_pool1d"] = max_pool;
  table["aten::max_pool2d"] = max_pool;
  table["aten::avg_pool1d"] = avg_pool;
  table["aten::avg_pool2d"] = avg_pool;
  table["aten::adaptive_avg_pool1d"] = global_average;
  table["aten::adaptive_avg_pool2d"] = global_average;
}

}  // namespace ringtrain::onnx
