#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

/// The part of TensorFlow's graph format that ringtrain writes (tensorflow/core/framework/graph.proto,
/// node_def.proto, attr_value.proto, tensor.proto). Written by protozero: libprotobuf is not linked.
namespace ringtrain::tensorflow {

/// DataType of types.proto.
enum class DataType : std::int32_t {
  float32 = 1,
  float64 = 2,
  int32 = 3,
  string = 7,
  int64 = 9,
  boolean = 10
};

/// The type of a tensor's elements. Throws ExportError for one that this writer does not know.
DataType data_type(at::ScalarType type);

/// -1 for a size that varies.
struct Shape {
  std::vector<std::int64_t> sizes;
};

/// A constant's values: numbers, or texts (which have the shape [n]).
using Content = std::variant<at::Tensor, std::vector<std::string>>;

/// The value of an attribute; a vector is a list of numbers.
using Attribute =
    std::variant<DataType, std::int64_t, float, bool, std::string, Shape, std::vector<std::int64_t>, Content>;
using Attributes = std::map<std::string, Attribute>;

struct Node {
  std::string name, op;
  std::vector<std::string> inputs;  ///< names of nodes: the first output of each
  Attributes attributes;
};

/// What a model takes or gives, by the name that clients use, which is any text.
struct Port {
  std::string name, node;
  DataType type = DataType::float32;
  Shape shape;
};

/// A graph, node by node; every node has one output.
class Graph {
 public:
  /// Adds a node; returns its name, made from `wanted`, or else from the operator's.
  std::string add(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {},
                  const std::string& wanted = "");
  std::string constant(const Content& content, const std::string& wanted = "");
  std::string axis(std::int64_t value);                       ///< int32, no dimensions
  std::string axes(const std::vector<std::int64_t>& values);  ///< int32 [n]

  std::vector<Node> nodes;
  std::vector<Port> inputs, outputs;

 private:
  std::string name_from(const std::string& wanted);
  std::set<std::string> names_;
};

/// The bytes of a SavedModel's saved_model.pb (saved_model.proto, meta_graph.proto): tag "serve", signature
/// "serving_default" of the method tensorflow/serving/predict, weights as constants in the graph. Throws
/// ExportError above 2 GiB, protobuf's limit.
std::string write_saved_model(const Graph& graph);

}  // namespace ringtrain::tensorflow
