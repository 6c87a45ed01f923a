#include <algorithm>
#include <numeric>

#include "serving/onnx/operators.h"

/// ATen operators that move data and compute nothing.
namespace ringtrain::onnx {
namespace {

using Sizes = std::vector<std::int64_t>;

/// flatten, unflatten, view, reshape, squeeze, unsqueeze: all sizes but the batch are those of the trace.
std::string reshape(const OperatorCall& call) {
  const Sizes from = call.shape(0);
  Sizes to = call.output_shape();
  if (to.empty() || from.empty()) call.fail("the result must keep the batch dimension");
  to[0] = to[0] == from[0] ? 0 : -1;  // 0: as in the input
  return call.graph.node("Reshape", {call.tensor(0), call.graph.constant(to)});
}

std::string transpose_by(const OperatorCall& call, const Sizes& order) {
  return call.graph.node("Transpose", {call.tensor(0)}, {{"perm", order}});
}

std::string transpose(const OperatorCall& call) {
  const auto rank = call.rank(0);
  Sizes order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order.at(static_cast<std::size_t>(call.from_front(call.integer(1), rank))),
            order.at(static_cast<std::size_t>(call.from_front(call.integer(2), rank))));
  return transpose_by(call, order);
}

std::string permute(const OperatorCall& call) {
  Sizes order = call.integers(1);
  for (auto& dim : order) dim = call.from_front(dim, call.rank(0));
  return transpose_by(call, order);
}

std::string t(const OperatorCall& call) {
  return call.rank(0) < 2 ? call.tensor(0) : transpose_by(call, {1, 0});
}

std::string cat(const OperatorCall& call) {
  return call.graph.node("Concat", call.all_converted(0), {{"axis", call.integer(1)}});
}

}  // namespace

TensorList split(const OperatorCall& call) {
  auto& g = call.graph;
  const std::int64_t dim = OperatorCall::from_front(call.integer(2), call.rank(0));
  if (dim == 0) call.fail("it divides the samples of a batch");
  const std::int64_t size = call.integer(1), all = call.shape(0).at(static_cast<std::size_t>(dim));
  TensorList parts;
  for (std::int64_t begin = 0; begin < all; begin += size)
    parts.push_back(g.node("Slice", {call.tensor(0), g.constant({begin}),
                                     g.constant({std::min(begin + size, all)}), g.constant({dim})}));
  return parts;
}

void add_shape_operators(std::map<std::string, Operator>& table) {
  for (const char* name : {"aten::flatten", "aten::unflatten", "aten::view", "aten::reshape", "aten::squeeze",
                           "aten::unsqueeze", "aten::_unsafe_view"})
    table[name] = reshape;
  table["aten::transpose"] = transpose;
  table["aten::permute"] = permute;
  table["aten::t"] = t;
  table["aten::cat"] = cat;
}

}  // namespace ringtrain::onnx
