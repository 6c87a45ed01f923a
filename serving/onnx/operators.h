#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serving/onnx/builder.h"

namespace ringtrain::onnx {

/// What a value of a traced graph is while it is translated.
struct Constant {
  c10::IValue value;
  std::string path;  ///< of a parameter or buffer: "hidden0.weight"; else empty
};
using TensorName = std::string;
using TensorList = std::vector<std::string>;
using Translated = std::variant<TensorName, TensorList, Constant>;

/// One call of an ATen operator in a traced graph, seen by the function that translates it. Shapes are those
/// of the trace: the first dimension is the batch, all others are static.
class OperatorCall {
 public:
  OperatorCall(GraphBuilder& graph, const torch::jit::Node& node, const std::vector<Translated>& inputs)
      : graph(graph), node_(node), inputs_(inputs) {}

  GraphBuilder& graph;

  std::size_t size() const { return inputs_.size(); }
  std::string name() const { return node_.kind().toQualString(); }
  /// Input i as a tensor of the ONNX graph. A number becomes a scalar of float32, or of int64 where the
  /// result is int64, or of float64.
  std::string tensor(std::size_t i) const;
  std::vector<std::string> tensors(std::size_t i) const;  ///< a list of tensors
  /// The same in the type of the result: ATen converts what an operator is given, ONNX takes one type alone.
  std::string converted(std::size_t i) const;
  std::vector<std::string> all_converted(std::size_t i) const;
  bool has(std::size_t i) const;  ///< given and not None
  std::int64_t integer(std::size_t i) const;
  double number(std::size_t i) const;
  bool flag(std::size_t i) const;
  std::string text(std::size_t i) const;
  std::vector<std::int64_t> integers(std::size_t i) const;
  bool is_text(std::size_t i) const;

  std::vector<std::int64_t> shape(std::size_t i) const;
  std::vector<std::int64_t> output_shape() const;
  std::int64_t rank(std::size_t i) const { return static_cast<std::int64_t>(shape(i).size()); }
  at::ScalarType output_type() const;
  /// `dim` counted from the front.
  static std::int64_t from_front(std::int64_t dim, std::int64_t rank) { return dim < 0 ? dim + rank : dim; }

  /// Throws ExportError that names the operator, its result and its place in the source where the graph has
  /// it.
  [[noreturn]] void fail(const std::string& why) const;

 private:
  const c10::IValue& constant(std::size_t i) const;
  /// `name` holds `value`.
  std::string in_output_type(const std::string& name, const torch::jit::Value* value) const;
  const torch::jit::Node& node_;
  const std::vector<Translated>& inputs_;
};

/// Adds nodes that do what the call does and returns the name of the result.
using Operator = std::string (*)(const OperatorCall& call);

/// The ATen operators that can be written as ONNX, by name: "aten::linear". An in-place form ("aten::relu_")
/// takes the row of the plain one.
const std::map<std::string, Operator>& operators();

/// split(x, size, dim) into the parts of a list.
TensorList split(const OperatorCall& call);

// The parts of the table, one file each.
void add_elementwise_operators(std::map<std::string, Operator>& table);
void add_layer_operators(std::map<std::string, Operator>& table);
void add_shape_operators(std::map<std::string, Operator>& table);
void add_attention_operators(std::map<std::string, Operator>& table);

}  // namespace ringtrain::onnx
