#include "serving/savedmodel/saved_model_export.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "serving/savedmodel/translator.h"

namespace ringtrain::tensorflow {

std::string Operation::input(std::size_t i) const {
  if (!has(i)) fail(fmt::format("it has no input {}", i));
  return t_.values.at(node_.inputs[i]).node;
}

DataType Operation::type(std::size_t i) const { return t_.values.at(node_.inputs.at(i)).type; }

std::int64_t Operation::rank(std::size_t i) const { return t_.values.at(node_.inputs.at(i)).rank; }

at::Tensor Operation::constant(std::size_t i) const {
  const auto found = has(i) ? t_.initializers.find(node_.inputs[i]) : t_.initializers.end();
  if (found == t_.initializers.end()) fail(fmt::format("input {} must be a constant", i));
  return found->second;
}

std::vector<std::int64_t> Operation::integers(std::size_t i) const {
  const at::Tensor values = constant(i).to(at::kLong).contiguous().view({-1});
  return {values.const_data_ptr<std::int64_t>(), values.const_data_ptr<std::int64_t>() + values.numel()};
}

const onnx::AttributeValue* Operation::attribute(const char* name) const {
  for (const auto& one : node_.attributes)
    if (one.name == name) return &one.value;
  return nullptr;
}

std::int64_t Operation::integer(const char* name, std::int64_t otherwise) const {
  const auto* value = attribute(name);
  return value ? std::get<std::int64_t>(*value) : otherwise;
}

float Operation::number(const char* name, float otherwise) const {
  const auto* value = attribute(name);
  return value ? std::get<float>(*value) : otherwise;
}

std::vector<std::int64_t> Operation::list(const char* name) const {
  const auto* value = attribute(name);
  return value ? std::get<std::vector<std::int64_t>>(*value) : std::vector<std::int64_t>{};
}

std::vector<std::string> Operation::texts(const char* name) const {
  const auto* value = attribute(name);
  return value ? std::get<std::vector<std::string>>(*value) : std::vector<std::string>{};
}

std::string Operation::add(const std::string& op, std::vector<std::string> inputs, Attributes more) const {
  more.try_emplace("T", type());
  return graph().add(op, std::move(inputs), std::move(more), node_.outputs[0]);
}

std::string Operation::by_channel(const at::Tensor& values, std::int64_t dimensions) const {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dimensions) + 1, 1);
  shape[0] = values.numel();
  return graph().constant(values.to(at::kFloat).reshape(shape), node_.outputs[0] + "/by_channel");
}

void Operation::fail(const std::string& why) const {
  throw ExportError(fmt::format(
      "saved_model.pb: the operator {} (ONNX's node {}) cannot be written for TensorFlow: {}. Use "
      "another operator in the model's forward, or leave savedmodel out of the export's formats",
      node_.op_type, node_.name, why));
}

namespace {

DataType type_of(onnx::ElementType type) {
  switch (type) {
    case onnx::ElementType::float32:
      return DataType::float32;
    case onnx::ElementType::float64:
      return DataType::float64;
    case onnx::ElementType::int64:
      return DataType::int64;
    case onnx::ElementType::string:
      return DataType::string;
    case onnx::ElementType::boolean:
      return DataType::boolean;
  }
  throw ExportError("saved_model.pb: an input of a type that cannot be written");
}

Port port_of(const onnx::ValueInfo& info) {
  Port port{info.name, "", type_of(info.type), {}};
  for (const auto& size : info.shape) {
    const auto* fixed = std::get_if<std::int64_t>(&size);
    port.shape.sizes.push_back(fixed ? *fixed : -1);
  }
  return port;
}

const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> table = [] {
    std::map<std::string, Rule> made;
    add_elementwise_rules(made);
    add_layer_rules(made);
    return made;
  }();
  return table;
}

}  // namespace
}  // namespace ringtrain::tensorflow

namespace ringtrain {

tensorflow::Graph make_tensorflow_graph(const onnx::Model& model) {
  namespace tf = tensorflow;
  tf::Translation translation;
  auto& graph = translation.graph;
  for (const auto& info : model.graph.inputs) {
    auto port = tf::port_of(info);
    port.node = graph.add("Placeholder", {}, {{"dtype", port.type}, {"shape", port.shape}}, info.name);
    translation.values[info.name] = {port.node, port.type,
                                     static_cast<std::int64_t>(port.shape.sizes.size())};
    graph.inputs.push_back(std::move(port));
  }
  for (const auto& [name, tensor] : model.graph.initializers) {
    translation.initializers[name] = tensor;
    translation.values[name] = {graph.constant(tensor, name), tf::data_type(tensor.scalar_type()),
                                tensor.dim()};
  }
  for (const auto& node : model.graph.nodes) {
    const tf::Operation operation(translation, node);
    const auto rule = tf::rules().find(node.op_type);
    if (rule == tf::rules().end()) operation.fail("there is no mapping for it");
    auto value = rule->second(operation);
    if (value.rank == tf::Translation::kSame)
      for (const auto& input : node.inputs)
        if (!input.empty()) value.rank = std::max(value.rank, translation.values.at(input).rank);
    translation.values[node.outputs.at(0)] = std::move(value);
  }
  for (const auto& info : model.graph.outputs) {
    auto port = tf::port_of(info);
    port.node = translation.values.at(info.name).node;
    graph.outputs.push_back(std::move(port));
  }
  return std::move(translation.graph);
}

}  // namespace ringtrain
