#include "serving/savedmodel/tensorflow_graph.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cctype>

#include "common/errors.h"

namespace ringtrain::tensorflow {

DataType data_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return DataType::float32;
    case at::kDouble:
      return DataType::float64;
    case at::kInt:
      return DataType::int32;
    case at::kLong:
      return DataType::int64;
    case at::kBool:
      return DataType::boolean;
    default:
      throw ExportError(
          fmt::format("saved_model.pb: a tensor of type {} cannot be written", c10::toString(type)));
  }
}

/// Names of nodes are made of letters, digits and "_.-/", and begin with a letter, a digit or a point.
std::string Graph::name_from(const std::string& wanted) {
  std::string name;
  for (const char c : wanted) {
    const bool good =
        std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-' || c == '/';
    name += good ? c : '_';
  }
  if (name.empty() || !(std::isalnum(static_cast<unsigned char>(name[0])) || name[0] == '.'))
    name = "n" + name;
  if (names_.insert(name).second) return name;
  for (int i = 1;; ++i)
    if (auto next = fmt::format("{}_{}", name, i); names_.insert(next).second) return next;
}

std::string Graph::add(const std::string& op, std::vector<std::string> inputs_of_node, Attributes attributes,
                       const std::string& wanted) {
  nodes.push_back(
      {name_from(wanted.empty() ? op : wanted), op, std::move(inputs_of_node), std::move(attributes)});
  return nodes.back().name;
}

std::string Graph::constant(const Content& content, const std::string& wanted) {
  const auto* numbers = std::get_if<at::Tensor>(&content);
  const auto type = numbers ? data_type(numbers->scalar_type()) : DataType::string;
  return add("Const", {}, {{"dtype", type}, {"value", content}}, wanted.empty() ? "constant" : wanted);
}

std::string Graph::axis(std::int64_t value) { return constant(at::scalar_tensor(value, at::kInt), "axis"); }

std::string Graph::axes(const std::vector<std::int64_t>& values) {
  return constant(at::tensor(values, at::kLong).to(at::kInt), "axes");
}

}  // namespace ringtrain::tensorflow
