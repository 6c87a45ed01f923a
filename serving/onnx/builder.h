#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "serving/onnx/model.h"

namespace ringtrain::onnx {

/// Builds a graph node by node; every value gets a name of its own.
class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name) { graph_.name = std::move(name); }

  /// Keeps `name` for later; returns it, or a name made from it when it is taken.
  std::string reserve(const std::string& name);

  /// Declares an input or output with a reserved name.
  void input(const std::string& name, ElementType type, std::vector<Dimension> shape);
  void output(const std::string& name, ElementType type, std::vector<Dimension> shape);

  /// A constant; returns its name: `wanted`, or one made from it. The same tensor (by identity) is stored
  /// once.
  std::string initializer(const std::string& wanted, const at::Tensor& tensor);
  std::string constant(const std::vector<std::int64_t>& values);  ///< one-dimensional int64
  std::string scalar(double value);                               ///< float32, no dimensions

  /// Adds a node with one output and returns the output's name: `output` (reserved before), or a fresh one.
  std::string node(const std::string& op_type, std::vector<std::string> inputs,
                   std::vector<Attribute> attributes = {}, const std::string& output = "",
                   const std::string& domain = "");

  Graph take() { return std::move(graph_); }

 private:
  Graph graph_;
  std::set<std::string> names_;
  std::map<const void*, std::string> stored_;
  std::map<std::vector<std::int64_t>, std::string> constants_;
};

}  // namespace ringtrain::onnx
