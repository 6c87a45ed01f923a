#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "serving/onnx/operators.h"

/// ATen operators of language models.
namespace ringtrain::onnx {
namespace {

/// embedding(weight, indices, ...).
std::string embedding(const OperatorCall& call) {
  return call.graph.node("Gather", {call.tensor(0), call.tensor(1)}, {{"axis", std::int64_t{0}}});
}

/// softmax(q kᵀ · scale + mask) v: scaled_dot_product_attention(q, k, v, mask, dropout, causal, scale, gqa);
/// [n, heads, T, width].
std::string attention(const OperatorCall& call) {
  auto& g = call.graph;
  if (call.rank(0) != 4) call.fail("queries must have four dimensions");
  if (call.has(3)) call.fail("a mask has no mapping; is_causal has");
  if (call.number(4) != 0) call.fail("it has dropout; take it from is_training()");
  if (call.flag(7)) call.fail("grouped queries have no mapping");
  const auto queries = call.shape(0), keys = call.shape(1);
  const double scale = call.has(6) ? call.number(6) : 1 / std::sqrt(static_cast<double>(queries[3]));
  const auto turned =
      g.node("Transpose", {call.tensor(1)}, {{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}});
  const auto scaled = g.node("Mul", {call.tensor(0), g.scalar(scale)});
  std::string scores = g.node("MatMul", {scaled, turned});
  if (call.flag(5))
    scores = g.node(
        "Add",
        {scores,
         g.initializer("causal_mask",
                       at::full({queries[2], keys[2]}, -std::numeric_limits<float>::infinity()).triu(1))});
  return g.node("MatMul", {g.node("Softmax", {scores}, {{"axis", std::int64_t{3}}}), call.tensor(2)});
}

}  // namespace

void add_attention_operators(std::map<std::string, Operator>& table) {
  table["aten::embedding"] = embedding;
  table["aten::scaled_dot_product_attention"] = attention;
}

}  // namespace ringtrain::onnx
