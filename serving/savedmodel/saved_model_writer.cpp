#include <ATen/ATen.h>
#include <fmt/format.h>

#include <protozero/pbf_writer.hpp>

#include "common/errors.h"
#include "serving/savedmodel/tensorflow_graph.h"

namespace ringtrain::tensorflow {
namespace {

using protozero::pbf_writer;

/// Field numbers of the .proto files, as far as they are written.
namespace fields {
namespace saved_model {
constexpr int schema_version = 1, meta_graphs = 2;
}
namespace meta_graph {
constexpr int meta_info = 1, graph = 2, signatures = 5;
}
namespace meta_info {
constexpr int tags = 4, tensorflow_version = 5;
}
namespace graph {
constexpr int node = 1, versions = 4;
}
namespace versions {
constexpr int producer = 1, min_consumer = 2;
}
namespace node {
constexpr int name = 1, op = 2, input = 3, attributes = 5;
}
namespace entry {
constexpr int key = 1, value = 2;
}
namespace attribute {
constexpr int list = 1, text = 2, integer = 3, number = 4, flag = 5, type = 6, shape = 7, tensor = 8;
}
namespace list {
constexpr int integers = 3;
}
namespace shape {
constexpr int dim = 2, size = 1;
}
namespace tensor {
constexpr int dtype = 1, shape = 2, content = 4, strings = 8;
}
namespace signature {
constexpr int inputs = 1, outputs = 2, method = 3;
}
namespace tensor_info {
constexpr int name = 1, dtype = 2, shape = 3;
}
}  // namespace fields

/// TensorFlow 1.15 to 2.x read graphs of this version.
constexpr std::int32_t kProducer = 1087;

void write_shape(pbf_writer out, const std::vector<std::int64_t>& sizes) {
  for (const auto size : sizes) {
    pbf_writer dim(out, fields::shape::dim);
    dim.add_int64(fields::shape::size, size);
  }
}

void write_tensor(pbf_writer out, const Content& content) {
  namespace f = fields::tensor;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&content)) {
    out.add_enum(f::dtype, static_cast<std::int32_t>(DataType::string));
    write_shape(pbf_writer(out, f::shape), {static_cast<std::int64_t>(texts->size())});
    for (const auto& text : *texts) out.add_bytes(f::strings, text);
    return;
  }
  const at::Tensor data = std::get<at::Tensor>(content).detach().cpu().contiguous();
  out.add_enum(f::dtype, static_cast<std::int32_t>(data_type(data.scalar_type())));
  write_shape(pbf_writer(out, f::shape), data.sizes().vec());
  out.add_bytes(f::content, static_cast<const char*>(data.const_data_ptr()), data.nbytes());
}

void write_attribute(pbf_writer out, const Attribute& value) {
  namespace f = fields::attribute;
  if (const auto* v = std::get_if<DataType>(&value)) out.add_enum(f::type, static_cast<std::int32_t>(*v));
  if (const auto* v = std::get_if<std::int64_t>(&value)) out.add_int64(f::integer, *v);
  if (const auto* v = std::get_if<float>(&value)) out.add_float(f::number, *v);
  if (const auto* v = std::get_if<bool>(&value)) out.add_bool(f::flag, *v);
  if (const auto* v = std::get_if<std::string>(&value)) out.add_bytes(f::text, *v);
  if (const auto* v = std::get_if<Shape>(&value)) write_shape(pbf_writer(out, f::shape), v->sizes);
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(&value)) {
    pbf_writer list(out, f::list);
    list.add_packed_int64(fields::list::integers, v->begin(), v->end());
  }
  if (const auto* v = std::get_if<Content>(&value)) write_tensor(pbf_writer(out, f::tensor), *v);
}

void write_node(pbf_writer out, const Node& node) {
  namespace f = fields::node;
  out.add_string(f::name, node.name);
  out.add_string(f::op, node.op);
  for (const auto& input : node.inputs) out.add_string(f::input, input);
  for (const auto& [name, value] : node.attributes) {
    pbf_writer entry(out, f::attributes);
    entry.add_string(fields::entry::key, name);
    write_attribute(pbf_writer(entry, fields::entry::value), value);
  }
}

void write_ports(pbf_writer& signature, int field, const std::vector<Port>& ports) {
  for (const auto& port : ports) {
    pbf_writer entry(signature, field);
    entry.add_string(fields::entry::key, port.name);
    pbf_writer info(entry, fields::entry::value);
    info.add_string(fields::tensor_info::name, port.node + ":0");
    info.add_enum(fields::tensor_info::dtype, static_cast<std::int32_t>(port.type));
    write_shape(pbf_writer(info, fields::tensor_info::shape), port.shape.sizes);
  }
}

void require_size_within_protobuf(const Graph& graph) {
  std::size_t bytes = 0;
  for (const auto& node : graph.nodes)
    if (const auto found = node.attributes.find("value"); found != node.attributes.end())
      if (const auto* content = std::get_if<Content>(&found->second))
        if (const auto* tensor = std::get_if<at::Tensor>(content)) bytes += tensor->nbytes();
  if (bytes >= (std::size_t{1} << 31) - (std::size_t{1} << 24))
    throw ExportError(
        fmt::format("saved_model.pb: {} bytes of weights are more than the 2 GiB that the format holds in "
                    "one file; leave "
                    "savedmodel out of the export's formats",
                    bytes));
}

}  // namespace

std::string write_saved_model(const Graph& graph) {
  require_size_within_protobuf(graph);
  std::string bytes;
  pbf_writer out(bytes);
  out.add_int64(fields::saved_model::schema_version, 1);
  pbf_writer meta(out, fields::saved_model::meta_graphs);
  {
    pbf_writer info(meta, fields::meta_graph::meta_info);
    info.add_string(fields::meta_info::tags, "serve");
    info.add_string(fields::meta_info::tensorflow_version, "2.12.0");
  }
  {
    pbf_writer content(meta, fields::meta_graph::graph);
    for (const auto& node : graph.nodes) write_node(pbf_writer(content, fields::graph::node), node);
    pbf_writer versions(content, fields::graph::versions);
    versions.add_int32(fields::versions::producer, kProducer);
    versions.add_int32(fields::versions::min_consumer, 0);
  }
  pbf_writer entry(meta, fields::meta_graph::signatures);
  entry.add_string(fields::entry::key, "serving_default");
  pbf_writer signature(entry, fields::entry::value);
  write_ports(signature, fields::signature::inputs, graph.inputs);
  write_ports(signature, fields::signature::outputs, graph.outputs);
  signature.add_string(fields::signature::method, "tensorflow/serving/predict");
  signature.commit();
  entry.commit();
  meta.commit();
  return bytes;
}

}  // namespace ringtrain::tensorflow
