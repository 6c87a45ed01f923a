#include <cmath>
#include <limits>

#include "serving/onnx/operators.h"

/// ATen operators that work element by element, or along one dimension.
namespace ringtrain::onnx {
namespace {

std::string gelu(const OperatorCall& call) {
  auto& g = call.graph;
  const std::string x = call.tensor(0);
  std::string gate;
  if (call.has(1) && call.text(1) == "tanh") {  // tanh(sqrt(2/pi) (x + 0.044715 x^3))
    const std::string cube = g.node("Mul", {x, g.node("Mul", {x, x})});
    const std::string inner = g.node("Add", {x, g.node("Mul", {cube, g.scalar(0.044715)})});
    gate = g.node("Tanh", {g.node("Mul", {inner, g.scalar(std::sqrt(2 / M_PI))})});
  } else {
    gate = g.node("Erf", {g.node("Mul", {x, g.scalar(M_SQRT1_2)})});
  }
  return g.node("Mul", {g.node("Mul", {x, g.scalar(0.5)}), g.node("Add", {gate, g.scalar(1)})});
}

std::string silu(const OperatorCall& call) {
  return call.graph.node("Mul", {call.tensor(0), call.graph.node("Sigmoid", {call.converted(0)})});
}

/// y * alpha, of add(x, y, alpha) and sub(x, y, alpha).
std::string scaled(const OperatorCall& call, std::size_t which) {
  std::string y = call.converted(which);
  if (!call.has(2) || call.number(2) == 1) return y;
  if (call.output_type() == at::kLong) call.fail("alpha of whole numbers must be 1");
  return call.graph.node("Mul", {y, call.graph.scalar(call.number(2))});
}

std::string divide(const OperatorCall& call) {
  if (call.has(2)) call.fail("a rounding mode has no mapping");
  if (call.output_type() != at::kFloat) call.fail("the result must be float32");
  return call.graph.node("Div", {call.converted(0), call.converted(1)});
}

std::string softmax(const OperatorCall& call) {
  const bool logarithm = call.name().starts_with("aten::log_");
  return call.graph.node(logarithm ? "LogSoftmax" : "Softmax", {call.tensor(0)}, {{"axis", call.integer(1)}});
}

std::string leaky_relu(const OperatorCall& call) {
  return call.graph.node("LeakyRelu", {call.tensor(0)}, {{"alpha", static_cast<float>(call.number(1))}});
}

std::string elu(const OperatorCall& call) {
  if (call.number(2) != 1 || call.number(3) != 1) call.fail("scale and input_scale must be 1");
  return call.graph.node("Elu", {call.tensor(0)}, {{"alpha", static_cast<float>(call.number(1))}});
}

std::string clamp(const OperatorCall& call) {
  auto& g = call.graph;
  if (call.output_type() != at::kFloat) call.fail("the result must be float32");
  return g.node("Clip", {call.tensor(0), call.has(1) ? g.scalar(call.number(1)) : "",
                         call.has(2) ? g.scalar(call.number(2)) : ""});
}

/// mean(x[, dims, keepdim]) and sum(x[, dims, keepdim]).
std::string reduce(const OperatorCall& call) {
  const bool all = call.size() <= 2 || !call.has(1);
  std::vector<std::int64_t> axes;
  if (!all) axes = call.integers(1);
  if (axes.empty())
    call.fail("a reduction over all dimensions mixes the samples of a batch; name the dimensions");
  const std::int64_t keep = call.flag(2) ? 1 : 0;
  if (call.name() == "aten::sum")
    return call.graph.node("ReduceSum", {call.converted(0), call.graph.constant(axes)}, {{"keepdims", keep}});
  return call.graph.node("ReduceMean", {call.tensor(0)}, {{"axes", axes}, {"keepdims", keep}});
}

std::string identity(const OperatorCall& call) { return call.tensor(0); }

std::string dropout(const OperatorCall& call) {
  if (call.flag(2)) call.fail("it is in training mode; take the mode from is_training()");
  return call.tensor(0);
}

std::string to(const OperatorCall& call) {
  const auto type = call.output_type();
  return call.graph.node("Cast", {call.tensor(0)}, {{"to", static_cast<std::int64_t>(element_type(type))}});
}

}  // namespace

void add_elementwise_operators(std::map<std::string, Operator>& table) {
  table["aten::relu"] = [](const OperatorCall& call) { return call.graph.node("Relu", {call.tensor(0)}); };
  table["aten::tanh"] = [](const OperatorCall& call) { return call.graph.node("Tanh", {call.converted(0)}); };
  table["aten::sigmoid"] = [](const OperatorCall& call) {
    return call.graph.node("Sigmoid", {call.converted(0)});
  };
  table["aten::exp"] = [](const OperatorCall& call) { return call.graph.node("Exp", {call.converted(0)}); };
  table["aten::log"] = [](const OperatorCall& call) { return call.graph.node("Log", {call.converted(0)}); };
  table["aten::sqrt"] = [](const OperatorCall& call) { return call.graph.node("Sqrt", {call.converted(0)}); };
  table["aten::neg"] = [](const OperatorCall& call) { return call.graph.node("Neg", {call.tensor(0)}); };
  table["aten::erf"] = [](const OperatorCall& call) { return call.graph.node("Erf", {call.converted(0)}); };
  table["aten::gelu"] = gelu;
  table["aten::silu"] = silu;
  table["aten::leaky_relu"] = leaky_relu;
  table["aten::elu"] = elu;
  table["aten::clamp"] = clamp;
  table["aten::hardtanh"] = clamp;
  table["aten::add"] = [](const OperatorCall& call) {
    return call.graph.node("Add", {call.converted(0), scaled(call, 1)});
  };
  table["aten::sub"] = [](const OperatorCall& call) {
    return call.graph.node("Sub", {call.converted(0), scaled(call, 1)});
  };
  table["aten::rsub"] = [](const OperatorCall& call) {
    return call.graph.node("Sub", {call.converted(1), scaled(call, 0)});
  };
  table["aten::mul"] = [](const OperatorCall& call) {
    return call.graph.node("Mul", {call.converted(0), call.converted(1)});
  };
  table["aten::div"] = divide;
  table["aten::softmax"] = softmax;
  table["aten::_softmax"] = softmax;
  table["aten::log_softmax"] = softmax;
  table["aten::_log_softmax"] = softmax;
  table["aten::mean"] = reduce;
  table["aten::sum"] = reduce;
  table["aten::dropout"] = dropout;
  table["aten::feature_dropout"] = dropout;
  table["aten::to"] = to;
  for (const char* name : {"aten::contiguous", "aten::detach", "aten::clone", "aten::alias"})
    table[name] = identity;
}

}  // namespace ringtrain::onnx
