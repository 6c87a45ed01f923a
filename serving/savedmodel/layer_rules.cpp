#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "serving/savedmodel/translator.h"

/// Affine maps, convolutions, pooling and normalisations. TensorFlow's kernels for CPUs take channels last,
/// so images are turned before and after.
namespace ringtrain::tensorflow {
namespace {

using Value = Translation::Value;
using Sizes = std::vector<std::int64_t>;

constexpr auto kInt32 = DataType::int32;

/// alpha A B + beta C.
Value gemm(const Operation& o) {
  const auto flag = [&](const char* name) { return o.integer(name, 0) != 0; };
  auto result = o.add("MatMul", {o.input(0), o.input(1)},
                      {{"transpose_a", flag("transA")}, {"transpose_b", flag("transB")}});
  const auto scaled = [&](const std::string& value, float factor) {
    return factor == 1
               ? value
               : o.add("Mul", {value, o.graph().constant(at::scalar_tensor(factor, at::kFloat), "factor")});
  };
  result = scaled(result, o.number("alpha", 1));
  if (o.has(2)) result = o.add("AddV2", {result, scaled(o.input(2), o.number("beta", 1))});
  return {result, o.type()};
}

Value matmul(const Operation& o) { return {o.add("BatchMatMulV2", {o.input(0), o.input(1)}), o.type()}; }

std::string turned(const Operation& o, const std::string& value, const Sizes& order) {
  return o.add("Transpose", {value, o.graph().axes(order)}, {{"Tperm", kInt32}});
}

/// [n, channels, height, width], or [n, channels, width] as an image of height 1, with channels last.
std::string image_of(const Operation& o, std::size_t dimensions) {
  if (dimensions != 1 && dimensions != 2) o.fail("only one and two dimensions have a mapping");
  auto value = o.input(0);
  if (dimensions == 1) value = o.add("ExpandDims", {value, o.graph().axis(2)}, {{"Tdim", kInt32}});
  return turned(o, value, {0, 2, 3, 1});
}
std::string from_image(const Operation& o, const std::string& image, std::size_t dimensions) {
  const auto value = turned(o, image, {0, 3, 1, 2});
  return dimensions == 2 ? value : o.add("Squeeze", {value}, {{"squeeze_dims", Sizes{2}}});
}

/// A size for each of the four dimensions of an image, of those for its inner ones.
Sizes of_image(const Sizes& inner) { return {1, inner.size() == 1 ? 1 : inner.at(0), inner.back(), 1}; }

/// Adds `filling` around images, channels last. `pads`: top, left, bottom, right; or left, right.
std::string padded(const Operation& o, const std::string& image, Sizes pads, float filling) {
  if (std::all_of(pads.begin(), pads.end(), [](auto size) { return size == 0; })) return image;
  if (pads.size() == 2) pads = {0, pads[0], 0, pads[1]};
  auto& g = o.graph();
  const at::Tensor sizes = at::tensor({std::int64_t{0}, std::int64_t{0}, pads.at(0), pads.at(2), pads.at(1),
                                       pads.at(3), std::int64_t{0}, std::int64_t{0}},
                                      at::kLong)
                               .to(at::kInt)
                               .view({4, 2});
  return o.add(
      "PadV2",
      {image, g.constant(sizes, "pads"), g.constant(at::scalar_tensor(filling, at::kFloat), "filling")},
      {{"Tpaddings", kInt32}});
}

Value convolution(const Operation& o) {
  const auto dimensions = o.list("kernel_shape").size();
  auto image = padded(o, image_of(o, dimensions), o.list("pads"), 0);
  const auto weight = dimensions == 1 ? o.constant(1).unsqueeze(2) : o.constant(1);
  const auto filter = o.graph().constant(weight.permute({2, 3, 1, 0}).contiguous(), "filter");
  image = o.add("Conv2D", {image, filter},
                {{"strides", of_image(o.list("strides"))},
                 {"dilations", of_image(o.list("dilations"))},
                 {"padding", std::string("VALID")},
                 {"data_format", std::string("NHWC")}});
  if (o.has(2)) image = o.add("BiasAdd", {image, o.input(2)}, {{"data_format", std::string("NHWC")}});
  return {from_image(o, image, dimensions), o.type()};
}

Value pool(const Operation& o) {
  const bool largest = o.op() == "MaxPool";
  const auto kernel = o.list("kernel_shape"), pads = o.list("pads"), dilations = o.list("dilations");
  const bool pads_count = largest || o.integer("count_include_pad", 0) != 0;
  const bool none = std::all_of(pads.begin(), pads.end(), [](auto size) { return size == 0; });
  if (o.integer("ceil_mode", 0) != 0) o.fail("ceil_mode has no mapping");
  if (!pads_count && !none) o.fail("padding that does not count has no mapping");
  if (std::any_of(dilations.begin(), dilations.end(), [](auto size) { return size != 1; }))
    o.fail("dilation has no mapping");
  const auto image =
      padded(o, image_of(o, kernel.size()), pads, largest ? std::numeric_limits<float>::lowest() : 0.0F);
  const auto pooled = o.add(largest ? "MaxPool" : "AvgPool", {image},
                            {{"ksize", of_image(kernel)},
                             {"strides", of_image(o.list("strides"))},
                             {"padding", std::string("VALID")},
                             {"data_format", std::string("NHWC")}});
  return {from_image(o, pooled, kernel.size()), o.type()};
}

std::string mean_over(const Operation& o, const std::string& value, const Sizes& axes) {
  return o.add("Mean", {value, o.graph().axes(axes)}, {{"Tidx", kInt32}, {"keep_dims", true}});
}

Value global_average(const Operation& o) {
  Sizes axes;
  for (std::int64_t axis = 2; axis < o.rank(); ++axis) axes.push_back(axis);
  return {mean_over(o, o.input(0), axes), o.type()};
}

/// (x - mean) / sqrt(variance + epsilon) over `axes`.
std::string normal(const Operation& o, const Sizes& axes) {
  auto& g = o.graph();
  const auto centred = o.add("Sub", {o.input(0), mean_over(o, o.input(0), axes)});
  const auto variance = mean_over(o, o.add("Square", {centred}), axes);
  const auto epsilon = g.constant(at::scalar_tensor(o.number("epsilon", 1e-5F), at::kFloat), "epsilon");
  return o.add("Mul", {centred, o.add("Rsqrt", {o.add("AddV2", {variance, epsilon})})});
}

/// Of [n, channels, values], as group_norm makes it.
Value instance_norm(const Operation& o) {
  if (o.rank() != 3) o.fail("only three dimensions have a mapping");
  const auto scaled = o.add("Mul", {normal(o, {-1}), o.by_channel(o.constant(1), 1)});
  return {o.add("AddV2", {scaled, o.by_channel(o.constant(2), 1)}), o.type()};
}

Value layer_norm(const Operation& o) {
  Sizes axes;
  for (auto axis = o.integer("axis", -1); axis < 0; ++axis) axes.push_back(axis);
  if (axes.empty()) o.fail("its axis is counted from the front");
  auto result = o.add("Mul", {normal(o, axes), o.input(1)});
  if (o.has(2)) result = o.add("AddV2", {result, o.input(2)});
  return {result, o.type()};
}

/// x a + b with what is fixed computed here, in float64.
Value batch_norm(const Operation& o) {
  const auto dimensions = o.rank() - 2;
  const auto at_64 = [&](std::size_t i) { return o.constant(i).to(at::kDouble); };
  const at::Tensor factor = at_64(1) / (at_64(4) + static_cast<double>(o.number("epsilon", 1e-5F))).sqrt();
  const at::Tensor shift = at_64(2) - at_64(3) * factor;
  const auto scaled = o.add("Mul", {o.input(0), o.by_channel(factor, dimensions)});
  return {o.add("AddV2", {scaled, o.by_channel(shift, dimensions)}), o.type()};
}

}  // namespace

void add_layer_rules(std::map<std::string, Rule>& table) {
  table["Gemm"] = gemm;
  table["MatMul"] = matmul;
  table["Conv"] = convolution;
  table["MaxPool"] = pool;
  table["AveragePool"] = pool;
  table["GlobalAveragePool"] = global_average;
  table["BatchNormalization"] = batch_norm;
  table["InstanceNormalization"] = instance_norm;
  table["LayerNormalization"] = layer_norm;
}

}  // namespace ringtrain::tensorflow
