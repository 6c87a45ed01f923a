#pragma once

#include <map>
#include <string>
#include <vector>

#include "serving/onnx/model.h"
#include "serving/savedmodel/tensorflow_graph.h"

namespace ringtrain::tensorflow {

/// What is known while an ONNX graph is translated: where each of its values is, and of what type.
class Translation {
 public:
  Graph graph;

  struct Value {
    std::string node;
    DataType type = DataType::float32;
    std::int64_t rank = kSame;  ///< how many dimensions
  };
  static constexpr std::int64_t kSame = -1;  ///< of a result: as many as the inputs have
  std::map<std::string, Value> values;
  std::map<std::string, at::Tensor> initializers;
};

/// A node of the ONNX graph, seen by the function that translates it.
class Operation {
 public:
  Operation(Translation& translation, const onnx::Node& node) : t_(translation), node_(node) {}

  Graph& graph() const { return t_.graph; }
  const std::string& op() const { return node_.op_type; }
  std::size_t size() const { return node_.inputs.size(); }
  bool has(std::size_t i) const { return i < node_.inputs.size() && !node_.inputs[i].empty(); }
  std::string input(std::size_t i) const;  ///< the TensorFlow node of input i
  DataType type(std::size_t i = 0) const;  ///< of input i
  std::int64_t rank(std::size_t i = 0) const;
  at::Tensor constant(std::size_t i) const;                 ///< input i, which must be an initializer
  std::vector<std::int64_t> integers(std::size_t i) const;  ///< the same, as whole numbers

  std::int64_t integer(const char* name, std::int64_t otherwise) const;
  float number(const char* name, float otherwise) const;
  std::vector<std::int64_t> list(const char* name) const;
  std::vector<std::string> texts(const char* name) const;

  /// Adds a node whose attribute T is the type of input 0 of this operation.
  std::string add(const std::string& op, std::vector<std::string> inputs, Attributes more = {}) const;
  /// A float32 constant that stands for each channel of [n, channels, …] with `dimensions` dimensions behind.
  std::string by_channel(const at::Tensor& values, std::int64_t dimensions) const;

  [[noreturn]] void fail(const std::string& why) const;

 private:
  const onnx::AttributeValue* attribute(const char* name) const;
  Translation& t_;
  const onnx::Node& node_;
};

/// Adds nodes that do what the operation does; returns where its result is.
using Rule = Translation::Value (*)(const Operation& operation);

// The parts of the table, by ONNX's names of operators; one file each.
void add_elementwise_rules(std::map<std::string, Rule>& table);
void add_layer_rules(std::map<std::string, Rule>& table);

}  // namespace ringtrain::tensorflow
