#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The part of ONNX's model format (onnx.proto of IR version 8) that ringtrain writes and reads. LibTorch
/// exports protobuf symbols of its own, so libprotobuf is not linked: the wire format is written and read
/// through protozero.
namespace ringtrain::onnx {

inline constexpr std::int64_t ir_version = 8;
inline constexpr std::int64_t opset = 17;
inline constexpr std::int64_t ml_opset = 3;  ///< of the domain ai.onnx.ml
inline constexpr const char* ml_domain = "ai.onnx.ml";

/// TensorProto.DataType.
enum class ElementType : std::int32_t { float32 = 1, int64 = 7, string = 8, boolean = 9, float64 = 11 };

/// The element type of a tensor. Throws ExportError for one that this writer does not know.
ElementType element_type(at::ScalarType type);

/// A size, or the name of a size that varies.
using Dimension = std::variant<std::int64_t, std::string>;

struct ValueInfo {
  std::string name;
  ElementType type = ElementType::float32;
  std::vector<Dimension> shape;
};

using AttributeValue = std::variant<float, std::int64_t, std::string, std::vector<float>,
                                    std::vector<std::int64_t>, std::vector<std::string>>;

struct Attribute {
  std::string name;
  AttributeValue value;
};

/// An empty input name stands for an optional input that is left out.
struct Node {
  std::string op_type;
  std::string domain;
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Attribute> attributes;
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<std::pair<std::string, at::Tensor>> initializers;
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
};

struct Model {
  Graph graph;
  std::string producer_version;
  std::vector<std::pair<std::string, std::string>> metadata;  ///< metadata_props
};

/// The bytes of a .onnx file. Throws ExportError above 2 GiB, protobuf's limit.
std::string write_model(const Model& model);

/// Reads what write_model wrote. Throws ExportError when the bytes are not such a model: a broken wire
/// format, an initializer whose data does not fit its shape, a value that is used before it is made.
Model read_model(std::string_view bytes);

}  // namespace ringtrain::onnx
