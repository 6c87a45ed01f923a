#include <ATen/ATen.h>
#include <fmt/format.h>

#include <protozero/pbf_writer.hpp>

#include "common/errors.h"
#include "serving/onnx/fields.h"
#include "serving/onnx/model.h"

namespace ringtrain::onnx {
namespace {

using protozero::pbf_writer;

void write_attribute(pbf_writer out, const Attribute& attribute) {
  namespace f = fields::attribute;
  out.add_string(f::name, attribute.name);
  if (const auto* v = std::get_if<float>(&attribute.value)) out.add_float(f::f, *v);
  if (const auto* v = std::get_if<std::int64_t>(&attribute.value)) out.add_int64(f::i, *v);
  if (const auto* v = std::get_if<std::string>(&attribute.value)) out.add_bytes(f::s, *v);
  if (const auto* v = std::get_if<std::vector<float>>(&attribute.value))
    for (const float x : *v) out.add_float(f::floats, x);
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(&attribute.value))
    for (const auto x : *v) out.add_int64(f::ints, x);
  if (const auto* v = std::get_if<std::vector<std::string>>(&attribute.value))
    for (const auto& x : *v) out.add_bytes(f::strings, x);
  out.add_enum(f::type, f::types[attribute.value.index()]);
}

void write_node(pbf_writer out, const Node& node) {
  namespace f = fields::node;
  for (const auto& input : node.inputs) out.add_string(f::input, input);
  for (const auto& output : node.outputs) out.add_string(f::output, output);
  out.add_string(f::name, node.name);
  out.add_string(f::op_type, node.op_type);
  for (const auto& attribute : node.attributes) write_attribute(pbf_writer(out, f::attribute), attribute);
  if (!node.domain.empty()) out.add_string(f::domain, node.domain);
}

void write_tensor(pbf_writer out, const std::string& name, const at::Tensor& tensor) {
  namespace f = fields::tensor;
  const at::Tensor data = tensor.detach().cpu().contiguous();
  for (const auto size : data.sizes()) out.add_int64(f::dims, size);
  out.add_int32(f::data_type, static_cast<std::int32_t>(element_type(data.scalar_type())));
  out.add_string(f::name, name);
  out.add_bytes(f::raw_data, static_cast<const char*>(data.const_data_ptr()), data.nbytes());
}

void write_value_info(pbf_writer out, const ValueInfo& info) {
  out.add_string(fields::value_info::name, info.name);
  pbf_writer type(out, fields::value_info::type);
  pbf_writer tensor(type, fields::type::tensor_type);
  tensor.add_int32(fields::tensor_type::elem_type, static_cast<std::int32_t>(info.type));
  pbf_writer shape(tensor, fields::tensor_type::shape);
  for (const auto& dimension : info.shape) {
    pbf_writer dim(shape, fields::shape::dim);
    if (const auto* size = std::get_if<std::int64_t>(&dimension))
      dim.add_int64(fields::dimension::dim_value, *size);
    else
      dim.add_string(fields::dimension::dim_param, std::get<std::string>(dimension));
  }
}

void write_graph(pbf_writer out, const Graph& graph) {
  namespace f = fields::graph;
  for (const auto& node : graph.nodes) write_node(pbf_writer(out, f::node), node);
  out.add_string(f::name, graph.name);
  for (const auto& [name, tensor] : graph.initializers)
    write_tensor(pbf_writer(out, f::initializer), name, tensor);
  for (const auto& input : graph.inputs) write_value_info(pbf_writer(out, f::input), input);
  for (const auto& output : graph.outputs) write_value_info(pbf_writer(out, f::output), output);
}

void write_opset(pbf_writer out, const std::string& domain, std::int64_t version) {
  out.add_string(fields::opset_id::domain, domain);
  out.add_int64(fields::opset_id::version, version);
}

void require_size_within_protobuf(const Graph& graph) {
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : graph.initializers) bytes += tensor.nbytes();
  if (bytes >= (std::size_t{1} << 31) - (std::size_t{1} << 24))
    throw ExportError(fmt::format(
        "model.onnx: {} bytes of weights are more than the 2 GiB that the format holds in one file; "
        "leave onnx out of the export's formats",
        bytes));
}

}  // namespace

ElementType element_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return ElementType::float32;
    case at::kDouble:
      return ElementType::float64;
    case at::kLong:
      return ElementType::int64;
    case at::kBool:
      return ElementType::boolean;
    default:
      throw ExportError(fmt::format(
          "model.onnx: a tensor of type {} cannot be written; expected float32, float64, int64 or bool",
          c10::toString(type)));
  }
}

std::string write_model(const Model& model) {
  namespace f = fields::model;
  require_size_within_protobuf(model.graph);
  std::string bytes;
  pbf_writer out(bytes);
  out.add_int64(f::ir_version, ir_version);
  out.add_string(f::producer_name, "ringtrain");
  out.add_string(f::producer_version, model.producer_version);
  write_graph(pbf_writer(out, f::graph), model.graph);
  write_opset(pbf_writer(out, f::opset_import), "", opset);
  write_opset(pbf_writer(out, f::opset_import), ml_domain, ml_opset);
  for (const auto& [key, value] : model.metadata) {
    pbf_writer entry(out, f::metadata_props);
    entry.add_string(fields::string_entry::key, key);
    entry.add_string(fields::string_entry::value, value);
  }
  return bytes;
}

}  // namespace ringtrain::onnx
