#include "serving/onnx/builder.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace ringtrain::onnx {

std::string GraphBuilder::reserve(const std::string& name) {
  std::string candidate = name;
  for (int i = 1; !names_.insert(candidate).second; ++i) candidate = fmt::format("{}_{}", name, i);
  return candidate;
}

void GraphBuilder::input(const std::string& name, ElementType type, std::vector<Dimension> shape) {
  graph_.inputs.push_back({name, type, std::move(shape)});
}

void GraphBuilder::output(const std::string& name, ElementType type, std::vector<Dimension> shape) {
  graph_.outputs.push_back({name, type, std::move(shape)});
}

std::string GraphBuilder::initializer(const std::string& wanted, const at::Tensor& tensor) {
  const void* identity = tensor.unsafeGetTensorImpl();
  if (const auto known = stored_.find(identity); known != stored_.end()) return known->second;
  std::string name = reserve(wanted);
  graph_.initializers.emplace_back(name,
                                   tensor);  // keeps the tensor alive, so that its address stays its own
  stored_[identity] = name;
  return name;
}

std::string GraphBuilder::constant(const std::vector<std::int64_t>& values) {
  auto& name = constants_[values];
  if (name.empty()) name = initializer("integers", at::tensor(values, at::kLong));
  return name;
}

std::string GraphBuilder::scalar(double value) {
  return initializer("scalar", at::scalar_tensor(value, at::kFloat));
}

std::string GraphBuilder::node(const std::string& op_type, std::vector<std::string> inputs,
                               std::vector<Attribute> attributes, const std::string& output,
                               const std::string& domain) {
  std::string made = output.empty() ? reserve(op_type) : output;
  graph_.nodes.push_back({op_type, domain, "node_" + made, std::move(inputs), {made}, std::move(attributes)});
  return made;
}

}  // namespace ringtrain::onnx
