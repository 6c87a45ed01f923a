#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <protozero/pbf_reader.hpp>
#include <set>

#include "common/errors.h"
#include "serving/onnx/fields.h"
#include "serving/onnx/model.h"

namespace ringtrain::onnx {
namespace {

using protozero::pbf_reader;

[[noreturn]] void fail(const std::string& text) { throw ExportError("model.onnx: " + text); }

Attribute read_attribute(pbf_reader in) {
  namespace f = fields::attribute;
  Attribute out;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<std::string> strings;
  int type = 0;
  while (in.next()) {
    switch (in.tag()) {
      case f::name:
        out.name = in.get_string();
        break;
      case f::f:
      case f::floats:
        floats.push_back(in.get_float());
        break;
      case f::i:
      case f::ints:
        ints.push_back(in.get_int64());
        break;
      case f::s:
      case f::strings:
        strings.push_back(in.get_bytes());
        break;
      case f::type:
        type = in.get_enum();
        break;
      default:
        in.skip();
    }
  }
  const auto one = [&](auto& values) {
    if (values.size() != 1)
      fail(fmt::format("attribute '{}' has {} values, expected one", out.name, values.size()));
    return values.front();
  };
  if (type == f::types[0])
    out.value = one(floats);
  else if (type == f::types[1])
    out.value = one(ints);
  else if (type == f::types[2])
    out.value = one(strings);
  else if (type == f::types[3])
    out.value = floats;
  else if (type == f::types[4])
    out.value = ints;
  else if (type == f::types[5])
    out.value = strings;
  else
    fail(fmt::format("attribute '{}' has the unknown type {}", out.name, type));
  return out;
}

Node read_node(pbf_reader in) {
  namespace f = fields::node;
  Node out;
  while (in.next()) {
    switch (in.tag()) {
      case f::input:
        out.inputs.push_back(in.get_string());
        break;
      case f::output:
        out.outputs.push_back(in.get_string());
        break;
      case f::name:
        out.name = in.get_string();
        break;
      case f::op_type:
        out.op_type = in.get_string();
        break;
      case f::attribute:
        out.attributes.push_back(read_attribute(in.get_message()));
        break;
      case f::domain:
        out.domain = in.get_string();
        break;
      default:
        in.skip();
    }
  }
  return out;
}

at::ScalarType scalar_type(std::int32_t type, const std::string& name) {
  switch (static_cast<ElementType>(type)) {
    case ElementType::float32:
      return at::kFloat;
    case ElementType::int64:
      return at::kLong;
    case ElementType::float64:
      return at::kDouble;
    case ElementType::boolean:
      return at::kBool;
    default:
      fail(fmt::format("initializer '{}' has the element type {}, which is not read here", name, type));
  }
}

std::pair<std::string, at::Tensor> read_tensor(pbf_reader in) {
  namespace f = fields::tensor;
  std::string name;
  std::vector<std::int64_t> dims;
  std::int32_t type = 0;
  protozero::data_view data;
  while (in.next()) {
    switch (in.tag()) {
      case f::dims:
        dims.push_back(in.get_int64());
        break;
      case f::data_type:
        type = in.get_int32();
        break;
      case f::name:
        name = in.get_string();
        break;
      case f::raw_data:
        data = in.get_view();
        break;
      default:
        in.skip();
    }
  }
  at::Tensor tensor = at::empty(dims, scalar_type(type, name));
  if (tensor.nbytes() != data.size())
    fail(fmt::format("initializer '{}' of shape [{}] needs {} bytes, but {} are there", name,
                     fmt::join(dims, ", "), tensor.nbytes(), data.size()));
  if (data.size() > 0) std::memcpy(tensor.data_ptr(), data.data(), data.size());
  return {name, tensor};
}

Dimension read_dimension(pbf_reader in) {
  Dimension out = std::int64_t{0};
  while (in.next()) {
    if (in.tag() == fields::dimension::dim_value)
      out = in.get_int64();
    else if (in.tag() == fields::dimension::dim_param)
      out = in.get_string();
    else
      in.skip();
  }
  return out;
}

void read_tensor_type(pbf_reader in, ValueInfo& out) {
  while (in.next()) {
    if (in.tag() == fields::tensor_type::elem_type) {
      out.type = static_cast<ElementType>(in.get_int32());
    } else if (in.tag() == fields::tensor_type::shape) {
      pbf_reader shape = in.get_message();
      while (shape.next(fields::shape::dim)) out.shape.push_back(read_dimension(shape.get_message()));
    } else {
      in.skip();
    }
  }
}

ValueInfo read_value_info(pbf_reader in) {
  ValueInfo out;
  while (in.next()) {
    if (in.tag() == fields::value_info::name) {
      out.name = in.get_string();
    } else if (in.tag() == fields::value_info::type) {
      pbf_reader type = in.get_message();
      while (type.next(fields::type::tensor_type)) read_tensor_type(type.get_message(), out);
    } else {
      in.skip();
    }
  }
  return out;
}

Graph read_graph(pbf_reader in) {
  namespace f = fields::graph;
  Graph out;
  while (in.next()) {
    switch (in.tag()) {
      case f::node:
        out.nodes.push_back(read_node(in.get_message()));
        break;
      case f::name:
        out.name = in.get_string();
        break;
      case f::initializer:
        out.initializers.push_back(read_tensor(in.get_message()));
        break;
      case f::input:
        out.inputs.push_back(read_value_info(in.get_message()));
        break;
      case f::output:
        out.outputs.push_back(read_value_info(in.get_message()));
        break;
      default:
        in.skip();
    }
  }
  return out;
}

void require_values_made_before_use(const Graph& graph) {
  std::set<std::string> known{""};
  const auto make = [&](const std::string& name) {
    if (!known.insert(name).second) fail(fmt::format("the value '{}' is made twice", name));
  };
  for (const auto& input : graph.inputs) make(input.name);
  for (const auto& [name, tensor] : graph.initializers) make(name);
  for (const auto& node : graph.nodes) {
    for (const auto& input : node.inputs)
      if (!known.contains(input))
        fail(fmt::format("node '{}' uses '{}' before it is made", node.name, input));
    for (const auto& output : node.outputs) make(output);
  }
  for (const auto& output : graph.outputs)
    if (!known.contains(output.name)) fail(fmt::format("no node makes the output '{}'", output.name));
}

}  // namespace

Model read_model(std::string_view bytes) {
  Model out;
  try {
    pbf_reader in(bytes.data(), bytes.size());
    bool has_graph = false;
    while (in.next()) {
      if (in.tag() == fields::model::graph) {
        out.graph = read_graph(in.get_message());
        has_graph = true;
      } else if (in.tag() == fields::model::producer_version) {
        out.producer_version = in.get_string();
      } else {
        in.skip();
      }
    }
    if (!has_graph) fail("the file holds no graph");
  } catch (const protozero::exception& error) {
    fail(fmt::format("the file is not an ONNX model ({})", error.what()));
  }
  require_values_made_before_use(out.graph);
  return out;
}

}  // namespace ringtrain::onnx
