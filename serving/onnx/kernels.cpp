#include "serving/onnx/kernels.h"

#include <ATen/ATen.h>

#include <stdexcept>

#include "common/errors.h"

namespace ringtrain::onnx {
namespace {

using Sizes = std::vector<std::int64_t>;

at::Tensor gemm(const NodeCall& call) {
  const at::Tensor a = call.attribute<std::int64_t>("transA", 0) ? call.tensor(0).t() : call.tensor(0);
  const at::Tensor b = call.attribute<std::int64_t>("transB", 0) ? call.tensor(1).t() : call.tensor(1);
  at::Tensor result = at::matmul(a, b) * call.attribute<float>("alpha", 1.0F);
  if (const auto c = call.tensor_or_none(2); c.defined())
    result = result + c * call.attribute<float>("beta", 1.0F);
  return result;
}

/// Pads a tensor's spatial dimensions by ONNX's [begins..., ends...] with `value`.
at::Tensor padded(const at::Tensor& x, const Sizes& pads, double value) {
  Sizes order;  // ATen counts from the last dimension
  const std::size_t dimensions = pads.size() / 2;
  for (std::size_t d = dimensions; d-- > 0;) {
    order.push_back(pads[d]);
    order.push_back(pads[d + dimensions]);
  }
  return at::constant_pad_nd(x, order, value);
}

at::Tensor convolution(const NodeCall& call) {
  const auto kernel = call.attribute<Sizes>("kernel_shape");
  const at::Tensor x = padded(call.tensor(0), call.attribute<Sizes>("pads"), 0);
  const at::Tensor bias = call.tensor_or_none(2);
  return at::convolution(x, call.tensor(1), bias.defined() ? std::optional(bias) : std::nullopt,
                         call.attribute<Sizes>("strides"), Sizes(kernel.size(), 0),
                         call.attribute<Sizes>("dilations"), false, Sizes(kernel.size(), 0),
                         call.attribute<std::int64_t>("group"));
}

at::Tensor max_pool(const NodeCall& call) {
  const auto kernel = call.attribute<Sizes>("kernel_shape");
  const auto pads = call.attribute<Sizes>("pads");
  const Sizes padding(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(kernel.size()));
  const auto pool = kernel.size() == 1 ? &at::max_pool1d : &at::max_pool2d;
  return pool(call.tensor(0), kernel, call.attribute<Sizes>("strides"), padding,
              call.attribute<Sizes>("dilations"), call.attribute<std::int64_t>("ceil_mode") != 0);
}

at::Tensor average_pool(const NodeCall& call) {
  const auto kernel = call.attribute<Sizes>("kernel_shape");
  const auto pads = call.attribute<Sizes>("pads");
  const Sizes padding(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(kernel.size()));
  const bool include_pad = call.attribute<std::int64_t>("count_include_pad") != 0;
  const auto strides = call.attribute<Sizes>("strides");
  if (kernel.size() == 1) return at::avg_pool1d(call.tensor(0), kernel, strides, padding, false, include_pad);
  return at::avg_pool2d(call.tensor(0), kernel, strides, padding, false, include_pad);
}

at::Tensor global_average(const NodeCall& call) {
  const at::Tensor x = call.tensor(0);
  Sizes dims;
  for (std::int64_t d = 2; d < x.dim(); ++d) dims.push_back(d);
  return x.mean(dims, true);
}

at::Tensor instance_normalization(const NodeCall& call) {
  const at::Tensor x = call.tensor(0);
  Sizes dims, channels{1, x.size(1)};
  for (std::int64_t d = 2; d < x.dim(); ++d) {
    dims.push_back(d);
    channels.push_back(1);
  }
  const at::Tensor mean = x.mean(dims, true);
  const at::Tensor variance = (x - mean).square().mean(dims, true);
  const at::Tensor normal = (x - mean) * (variance + call.attribute<float>("epsilon")).rsqrt();
  return normal * call.tensor(1).view(channels) + call.tensor(2).view(channels);
}

at::Tensor batch_normalization(const NodeCall& call) {
  const at::Tensor x = call.tensor(0);
  Sizes channels(static_cast<std::size_t>(x.dim()), 1);
  channels[1] = x.size(1);
  const at::Tensor factor = call.tensor(1) * (call.tensor(4) + call.attribute<float>("epsilon")).rsqrt();
  return (x - call.tensor(3).view(channels)) * factor.view(channels) + call.tensor(2).view(channels);
}

at::Tensor layer_normalization(const NodeCall& call) {
  const at::Tensor x = call.tensor(0);
  const auto axis = call.attribute<std::int64_t>("axis");
  const auto sizes = x.sizes().slice(static_cast<std::size_t>(axis < 0 ? axis + x.dim() : axis));
  return at::layer_norm(x, sizes, call.tensor(1), call.tensor_or_none(2), call.attribute<float>("epsilon"));
}

at::Tensor reshape(const NodeCall& call) {
  const at::Tensor x = call.tensor(0);
  Sizes sizes = call.integers_of(1);
  for (std::size_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] == 0) sizes[d] = x.size(static_cast<std::int64_t>(d));
  return x.reshape(sizes);
}

at::Tensor concat(const NodeCall& call) {
  std::vector<at::Tensor> parts;
  for (std::size_t i = 0; i < call.size(); ++i) parts.push_back(call.tensor(i));
  return at::cat(parts, call.attribute<std::int64_t>("axis"));
}

/// Slice of one axis, by steps of 1.
at::Tensor slice(const NodeCall& call) {
  return call.tensor(0).slice(call.integers_of(3).at(0), call.integers_of(1).at(0),
                              call.integers_of(2).at(0));
}

/// Along axis 0; the indices may have any shape.
at::Tensor gather(const NodeCall& call) {
  const at::Tensor indices = call.tensor(1);
  Sizes sizes = indices.sizes().vec();
  for (const auto size : call.tensor(0).sizes().slice(1)) sizes.push_back(size);
  return call.tensor(0).index_select(0, indices.flatten()).reshape(sizes);
}

at::Tensor cast(const NodeCall& call) {
  switch (static_cast<ElementType>(call.attribute<std::int64_t>("to"))) {
    case ElementType::float32:
      return call.tensor(0).to(at::kFloat);
    case ElementType::float64:
      return call.tensor(0).to(at::kDouble);
    case ElementType::int64:
      return call.tensor(0).to(at::kLong);
    case ElementType::boolean:
      return call.tensor(0).to(at::kBool);
    default:
      throw std::invalid_argument("attribute 'to'");
  }
}

at::Tensor label_encoder(const NodeCall& call) {
  std::map<std::string, std::int64_t> places;
  const auto keys = call.attribute<std::vector<std::string>>("keys_strings");
  const auto values = call.attribute<Sizes>("values_int64s");
  for (std::size_t i = 0; i < keys.size(); ++i) places.emplace(keys[i], values.at(i));
  Sizes codes;
  for (const auto& word : call.strings(0)) {
    const auto found = places.find(word);
    codes.push_back(found == places.end() ? call.attribute<std::int64_t>("default_int64") : found->second);
  }
  return at::tensor(codes, at::kLong);
}

at::Tensor clip(const NodeCall& call) {
  at::Tensor x = call.tensor(0);
  if (const auto low = call.tensor_or_none(1); low.defined()) x = at::maximum(x, low);
  if (const auto high = call.tensor_or_none(2); high.defined()) x = at::minimum(x, high);
  return x;
}

std::map<std::string, Kernel> make_kernels() {
  std::map<std::string, Kernel> table;
  table["Add"] = [](const NodeCall& c) { return c.tensor(0) + c.tensor(1); };
  table["Sub"] = [](const NodeCall& c) { return c.tensor(0) - c.tensor(1); };
  table["Mul"] = [](const NodeCall& c) { return c.tensor(0) * c.tensor(1); };
  table["Div"] = [](const NodeCall& c) { return c.tensor(0) / c.tensor(1); };
  table["MatMul"] = [](const NodeCall& c) { return at::matmul(c.tensor(0), c.tensor(1)); };
  table["Neg"] = [](const NodeCall& c) { return -c.tensor(0); };
  table["Exp"] = [](const NodeCall& c) { return at::exp(c.tensor(0)); };
  table["Log"] = [](const NodeCall& c) { return at::log(c.tensor(0)); };
  table["Sqrt"] = [](const NodeCall& c) { return at::sqrt(c.tensor(0)); };
  table["Erf"] = [](const NodeCall& c) { return at::erf(c.tensor(0)); };
  table["Relu"] = [](const NodeCall& c) { return at::clamp_min(c.tensor(0), 0); };
  table["Tanh"] = [](const NodeCall& c) { return at::tanh(c.tensor(0)); };
  table["Sigmoid"] = [](const NodeCall& c) { return at::sigmoid(c.tensor(0)); };
  table["IsNaN"] = [](const NodeCall& c) { return at::isnan(c.tensor(0)); };
  table["Equal"] = [](const NodeCall& c) { return at::eq(c.tensor(0), c.tensor(1)); };
  table["GreaterOrEqual"] = [](const NodeCall& c) { return at::ge(c.tensor(0), c.tensor(1)); };
  table["Where"] = [](const NodeCall& c) { return at::where(c.tensor(0), c.tensor(1), c.tensor(2)); };
  table["Softmax"] = [](const NodeCall& c) {
    return at::softmax(c.tensor(0), c.attribute<std::int64_t>("axis"));
  };
  table["LogSoftmax"] = [](const NodeCall& c) {
    return at::log_softmax(c.tensor(0), c.attribute<std::int64_t>("axis"));
  };
  table["LeakyRelu"] = [](const NodeCall& c) {
    return at::leaky_relu(c.tensor(0), c.attribute<float>("alpha"));
  };
  table["Elu"] = [](const NodeCall& c) { return at::elu(c.tensor(0), c.attribute<float>("alpha")); };
  table["Transpose"] = [](const NodeCall& c) { return c.tensor(0).permute(c.attribute<Sizes>("perm")); };
  table["Unsqueeze"] = [](const NodeCall& c) { return c.tensor(0).unsqueeze(c.integers_of(1).at(0)); };
  table["Squeeze"] = [](const NodeCall& c) { return c.tensor(0).squeeze(c.integers_of(1).at(0)); };
  table["ArgMax"] = [](const NodeCall& c) {
    return at::argmax(c.tensor(0), c.attribute<std::int64_t>("axis"),
                      c.attribute<std::int64_t>("keepdims") != 0);
  };
  table["ReduceMean"] = [](const NodeCall& c) {
    return c.tensor(0).mean(c.attribute<Sizes>("axes"), c.attribute<std::int64_t>("keepdims") != 0);
  };
  table["ReduceSum"] = [](const NodeCall& c) {
    return c.tensor(0).sum(c.integers_of(1), c.attribute<std::int64_t>("keepdims") != 0);
  };
  table["Identity"] = [](const NodeCall& c) { return c.tensor(0); };
  table["Slice"] = slice;
  table["Gather"] = gather;
  table["Gemm"] = gemm;
  table["Conv"] = convolution;
  table["MaxPool"] = max_pool;
  table["AveragePool"] = average_pool;
  table["GlobalAveragePool"] = global_average;
  table["InstanceNormalization"] = instance_normalization;
  table["BatchNormalization"] = batch_normalization;
  table["LayerNormalization"] = layer_normalization;
  table["Reshape"] = reshape;
  table["Concat"] = concat;
  table["Cast"] = cast;
  table["LabelEncoder"] = label_encoder;
  table["Clip"] = clip;
  return table;
}

}  // namespace

const std::map<std::string, Kernel>& kernels() {
  static const std::map<std::string, Kernel> table = make_kernels();
  return table;
}

}  // namespace ringtrain::onnx
