#pragma once

#include <map>
#include <string>

#include "serving/onnx/evaluator.h"

namespace ringtrain::onnx {

/// One node with the values of its inputs, seen by the function that computes it.
class NodeCall {
 public:
  NodeCall(const Node& node, const std::map<std::string, Value>& values) : node_(node), values_(values) {}

  at::Tensor tensor(std::size_t i) const;
  at::Tensor tensor_or_none(std::size_t i) const;  ///< undefined when the input is left out
  const std::vector<std::string>& strings(std::size_t i) const;
  std::vector<std::int64_t> integers_of(std::size_t i) const;  ///< the content of an int64 input
  std::size_t size() const { return node_.inputs.size(); }

  template <class T>
  T attribute(const std::string& name) const {
    return std::get<T>(find(name)->value);
  }
  template <class T>
  T attribute(const std::string& name, T otherwise) const {
    const auto* found = find(name);
    return found ? std::get<T>(found->value) : otherwise;
  }

 private:
  const Attribute* find(const std::string& name) const;
  const Node& node_;
  const std::map<std::string, Value>& values_;
};

/// Computes a node's one output.
using Kernel = at::Tensor (*)(const NodeCall& call);

/// By operator type: "Gemm".
const std::map<std::string, Kernel>& kernels();

}  // namespace ringtrain::onnx
