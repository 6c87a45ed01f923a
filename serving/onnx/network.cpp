#include "serving/onnx/network.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "common/errors.h"
#include "serving/onnx/operators.h"

namespace ringtrain::onnx {
namespace {

/// Walks over the traced graph, value by value.
class NetworkTranslator {
 public:
  explicit NetworkTranslator(GraphBuilder& graph) : graph_(graph) {}

  std::string translate(const TracedNetwork& network, const std::vector<std::string>& arguments) {
    const auto inputs = network.graph->inputs();
    values_[inputs.at(0)] = Constant{network.module._ivalue(), ""};
    for (std::size_t i = 0; i < arguments.size(); ++i) values_[inputs.at(i + 1)] = arguments[i];
    for (const auto* node : network.graph->nodes()) add(*node);
    const auto outputs = network.graph->outputs();
    const auto* name = outputs.size() == 1 ? std::get_if<TensorName>(&value(outputs[0])) : nullptr;
    if (!name)
      throw ExportError(
          "model.onnx: the model's forward does not return a tensor that depends on its inputs");
    return *name;
  }

 private:
  const Translated& value(const torch::jit::Value* v) const { return values_.at(v); }

  void add(const torch::jit::Node& node) {
    const auto kind = node.kind();
    if (kind == c10::prim::Constant) {
      values_[node.output()] = Constant{*torch::jit::toIValue(node.output()), ""};
    } else if (kind == c10::prim::GetAttr) {
      values_[node.output()] = attribute(node);
    } else if (kind == c10::prim::ListUnpack) {
      unpack(node);
    } else {
      std::vector<Translated> inputs;
      for (const auto* input : node.inputs()) inputs.push_back(value(input));
      if (kind == c10::prim::ListConstruct)
        values_[node.output()] = list(node, inputs);
      else
        call(node, inputs);
    }
  }

  Translated attribute(const torch::jit::Node& node) const {
    const auto& owner = std::get<Constant>(value(node.input()));
    const auto& name = node.s(c10::attr::name);
    return Constant{owner.value.toObjectRef().getAttr(name),
                    owner.path.empty() ? name : owner.path + "." + name};
  }

  static bool all_constant(const std::vector<Translated>& inputs) {
    return std::all_of(inputs.begin(), inputs.end(),
                       [](const auto& v) { return std::holds_alternative<Constant>(v); });
  }

  Translated list(const torch::jit::Node& node, const std::vector<Translated>& inputs) {
    const auto element = node.output()->type()->expectRef<c10::ListType>().getElementType();
    if (element->isSubtypeOf(*c10::TensorType::get())) {
      TensorList names;
      for (std::size_t i = 0; i < inputs.size(); ++i)
        names.push_back(OperatorCall(graph_, node, inputs).tensor(i));
      return names;
    }
    if (!all_constant(inputs))
      OperatorCall(graph_, node, inputs).fail("a list of sizes depends on the values of the batch");
    c10::impl::GenericList values(element);
    for (const auto& input : inputs) values.push_back(std::get<Constant>(input).value);
    return Constant{values, ""};
  }

  void unpack(const torch::jit::Node& node) {
    const auto* list = std::get_if<TensorList>(&value(node.input()));
    if (!list || list->size() != node.outputs().size())
      OperatorCall(graph_, node, {}).fail("its list has another length");
    const TensorList names = *list;  // values_ may grow
    for (std::size_t i = 0; i < names.size(); ++i) values_[node.output(i)] = names[i];
  }

  void call(const torch::jit::Node& node, const std::vector<Translated>& inputs) {
    const OperatorCall operation(graph_, node, inputs);
    std::string name = node.kind().toQualString();
    if (name.ends_with('_') && !name.ends_with("__")) name.pop_back();
    if (name == "aten::split" && !all_constant(inputs)) {
      values_[node.output()] = split(operation);
      return;
    }
    if (operation.output_type() == at::kDouble && !all_constant(inputs) && !takes_float64(name))
      operation.fail("it computes in float64; cast its inputs to float32 first");
    const auto found = operators().find(name);
    if (found != operators().end())
      values_[node.output()] = found->second(operation);
    else if (all_constant(inputs) && node.outputs().size() == 1 && node.kind().is_aten())
      values_[node.output()] = fold(node, inputs);
    else
      operation.fail("there is no mapping for it");
  }

  /// Whether an operator's constants follow the type of its result.
  static bool takes_float64(const std::string& name) {
    static const std::set<std::string> names{"aten::to",      "aten::add",       "aten::sub",
                                             "aten::rsub",    "aten::mul",       "aten::cat",
                                             "aten::flatten", "aten::unflatten", "aten::view",
                                             "aten::reshape", "aten::squeeze",   "aten::unsqueeze"};
    return names.contains(name);
  }

  /// An operator without a batch in it (at::arange): its result is a constant.
  static Translated fold(const torch::jit::Node& node, const std::vector<Translated>& inputs) {
    torch::jit::Stack stack;
    for (const auto& input : inputs) stack.push_back(std::get<Constant>(input).value);
    node.getOperation()(stack);
    return Constant{stack.back(), ""};
  }

  GraphBuilder& graph_;
  std::unordered_map<const torch::jit::Value*, Translated> values_;
};

}  // namespace

std::string add_network(GraphBuilder& graph, const TracedNetwork& network,
                        const std::vector<std::string>& inputs) {
  return NetworkTranslator(graph).translate(network, inputs);
}

}  // namespace ringtrain::onnx
