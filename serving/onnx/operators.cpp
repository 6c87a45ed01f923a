#include "serving/onnx/operators.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/errors.h"

namespace ringtrain::onnx {
namespace {

std::vector<std::int64_t> traced_shape(const torch::jit::Value* value, const OperatorCall& call) {
  const auto type = value->type()->cast<c10::TensorType>();
  const auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt;
  if (!sizes) call.fail("the trace has no shape for one of its values");
  return *sizes;
}

}  // namespace

std::string OperatorCall::tensor(std::size_t i) const {
  if (i >= inputs_.size()) fail(fmt::format("it has no input {}", i));
  if (const auto* name = std::get_if<TensorName>(&inputs_[i])) return *name;
  const auto* known = std::get_if<Constant>(&inputs_[i]);
  if (!known) fail(fmt::format("input {} is a list", i));
  if (known->value.isScalar()) {
    const auto wanted = output_type();
    const auto type = wanted == at::kLong || wanted == at::kDouble ? wanted : at::kFloat;
    return graph.initializer("scalar", at::scalar_tensor(known->value.toScalar(), type));
  }
  if (!known->value.isTensor()) fail(fmt::format("input {} is a {}", i, known->value.tagKind()));
  at::Tensor tensor = known->value.toTensor();
  if (tensor.scalar_type() == at::kDouble) tensor = tensor.to(at::kFloat);  // a wrapped number
  return graph.initializer(known->path.empty() ? "constant" : known->path, tensor);
}

std::vector<std::string> OperatorCall::tensors(std::size_t i) const {
  const auto* list = std::get_if<TensorList>(&inputs_.at(i));
  if (!list) fail(fmt::format("input {} is not a list of tensors", i));
  return *list;
}

std::string OperatorCall::in_output_type(const std::string& name, const torch::jit::Value* value) const {
  const auto type = value->type()->cast<c10::TensorType>();
  const auto given = type ? type->scalarType() : std::nullopt;
  if (!given || *given == output_type()) return name;
  return graph.node("Cast", {name}, {{"to", static_cast<std::int64_t>(element_type(output_type()))}});
}

std::string OperatorCall::converted(std::size_t i) const {
  const auto* known = i < inputs_.size() ? std::get_if<Constant>(&inputs_[i]) : nullptr;
  if (known && known->value.isTensor() && known->value.toTensor().scalar_type() != output_type())
    return graph.initializer("constant", known->value.toTensor().to(output_type()));
  return known ? tensor(i) : in_output_type(tensor(i), node_.input(i));
}

std::vector<std::string> OperatorCall::all_converted(std::size_t i) const {
  auto names = tensors(i);
  const auto values = node_.input(i)->node()->inputs();
  for (std::size_t k = 0; k < names.size() && k < values.size(); ++k)
    names[k] = in_output_type(names[k], values[k]);
  return names;
}

bool OperatorCall::has(std::size_t i) const {
  if (i >= inputs_.size()) return false;
  const auto* known = std::get_if<Constant>(&inputs_[i]);
  return !known || !known->value.isNone();
}

const c10::IValue& OperatorCall::constant(std::size_t i) const {
  const auto* known = i < inputs_.size() ? std::get_if<Constant>(&inputs_[i]) : nullptr;
  if (!known) fail(fmt::format("input {} must be a constant", i));
  return known->value;
}

std::int64_t OperatorCall::integer(std::size_t i) const { return constant(i).toInt(); }
double OperatorCall::number(std::size_t i) const { return constant(i).toScalar().toDouble(); }
bool OperatorCall::flag(std::size_t i) const { return constant(i).toBool(); }
std::string OperatorCall::text(std::size_t i) const { return constant(i).toStringRef(); }
bool OperatorCall::is_text(std::size_t i) const {
  const auto* known = i < inputs_.size() ? std::get_if<Constant>(&inputs_[i]) : nullptr;
  return known && known->value.isString();
}

std::vector<std::int64_t> OperatorCall::integers(std::size_t i) const {
  const auto& value = constant(i);
  return value.isInt() ? std::vector<std::int64_t>{value.toInt()} : value.toIntVector();
}

std::vector<std::int64_t> OperatorCall::shape(std::size_t i) const {
  if (const auto* known = std::get_if<Constant>(&inputs_.at(i)); known && known->value.isTensor())
    return known->value.toTensor().sizes().vec();
  return traced_shape(node_.input(i), *this);
}
std::vector<std::int64_t> OperatorCall::output_shape() const { return traced_shape(node_.output(0), *this); }

at::ScalarType OperatorCall::output_type() const {
  const auto type = node_.output(0)->type()->cast<c10::TensorType>();
  return type && type->scalarType() ? *type->scalarType() : at::kFloat;
}

void OperatorCall::fail(const std::string& why) const {
  std::string text = "the operator " + name();
  const auto type = node_.outputs().empty() ? nullptr : node_.output(0)->type()->cast<c10::TensorType>();
  if (const auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt)
    text += fmt::format(" (its result has the shape [{}])", fmt::join(*sizes, ", "));
  std::vector<std::string> parameters;
  for (const auto& input : inputs_)
    if (const auto* known = std::get_if<Constant>(&input); known && !known->path.empty())
      parameters.push_back(known->path);
  if (!parameters.empty()) text += fmt::format(", which uses {},", fmt::join(parameters, ", "));
  if (const auto place = node_.sourceRange().file_line_col())
    text += fmt::format(" at {}:{}", std::get<0>(*place), std::get<1>(*place));
  throw ExportError(fmt::format(
      "model.onnx: {} cannot be written as ONNX: {}. Use another operator in the model's forward, or "
      "leave onnx out of the export's formats",
      text, why));
}

const std::map<std::string, Operator>& operators() {
  static const std::map<std::string, Operator> table = [] {
    std::map<std::string, Operator> made;
    add_elementwise_operators(made);
    add_layer_operators(made);
    add_shape_operators(made);
    add_attention_operators(made);
    return made;
  }();
  return table;
}

}  // namespace ringtrain::onnx
