#include "serving/server/grpc_messages.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <optional>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "common/errors.h"
#include "serving/server/guarded_read.h"

namespace ringtrain::grpc_v2 {
namespace {

using protozero::pbf_reader;
using protozero::pbf_writer;

/// InferTensorContents as bytes, as raw_input_contents would carry them.
std::string contents_bytes(pbf_reader contents, const std::string& datatype) {
  std::string bytes;
  const auto append = [&bytes](const auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  while (contents.next()) {
    switch (contents.tag()) {
      case 1:  // bool_contents
        for (const bool one : contents.get_packed_bool()) append(static_cast<std::uint8_t>(one));
        break;
      case 2:  // int_contents: INT8, INT16, INT32
        for (const auto one : contents.get_packed_int32()) {
          if (datatype == "INT8")
            append(static_cast<std::int8_t>(one));
          else if (datatype == "INT16")
            append(static_cast<std::int16_t>(one));
          else
            append(one);
        }
        break;
      case 3:  // int64_contents
        for (const auto one : contents.get_packed_int64()) append(one);
        break;
      case 4:  // uint_contents: UINT8, UINT16, UINT32
        for (const auto one : contents.get_packed_uint32()) {
          if (datatype == "UINT32")
            append(one);
          else if (datatype == "UINT16")
            append(static_cast<std::uint16_t>(one));
          else
            append(static_cast<std::uint8_t>(one));
        }
        break;
      case 5:  // uint64_contents
        for (const auto one : contents.get_packed_uint64()) append(one);
        break;
      case 6:  // fp32_contents
        for (const auto one : contents.get_packed_float()) append(one);
        break;
      case 7:  // fp64_contents
        for (const auto one : contents.get_packed_double()) append(one);
        break;
      case 8: {  // bytes_contents
        const auto text = contents.get_view();
        append(static_cast<std::uint32_t>(text.size()));
        bytes.append(text.data(), text.size());
        break;
      }
      default:
        contents.skip();
    }
  }
  return bytes;
}

struct Input {
  std::string name, datatype;
  std::vector<std::int64_t> shape;
  std::string contents;
  bool has_contents = false;
};

Input read_input(pbf_reader message) {
  Input input;
  pbf_reader contents;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        input.name = message.get_string();
        break;
      case 2:
        input.datatype = message.get_string();
        break;
      case 3:
        if (message.wire_type() == protozero::pbf_wire_type::varint) {
          input.shape.push_back(message.get_int64());
        } else {
          for (const auto size : message.get_packed_int64()) input.shape.push_back(size);
        }
        break;
      case 5:
        contents = message.get_message();
        input.has_contents = true;
        break;
      default:
        message.skip();
    }
  }
  if (input.has_contents) input.contents = contents_bytes(contents, input.datatype);
  return input;
}

/// The int64 of an InferParameter; none where it holds something else.
std::optional<std::int64_t> int64_parameter(pbf_reader parameter) {
  std::optional<std::int64_t> value;
  while (parameter.next()) {
    if (parameter.tag() == 2)
      value = parameter.get_int64();
    else
      parameter.skip();
  }
  return value;
}

InferRequest::Output read_output(pbf_reader message) {
  InferRequest::Output output{.name = "", .binary = true};
  std::optional<std::int64_t> classes = 0;
  while (message.next()) {
    if (message.tag() == 1) {
      output.name = message.get_string();
    } else if (message.tag() == 2) {  // an entry of the map of parameters
      auto entry = message.get_message();
      std::string key;
      std::optional<std::int64_t> value;
      while (entry.next()) {
        if (entry.tag() == 1)
          key = entry.get_string();
        else if (entry.tag() == 2)
          value = int64_parameter(entry.get_message());
        else
          entry.skip();
      }
      if (key == "classification") classes = value;
    } else {
      message.skip();
    }
  }
  if (!classes || *classes < 0)
    throw DataError(
        fmt::format("output '{}': \"classification\" is no number of classes (int64_param)", output.name));
  output.classes = *classes;
  return output;
}

ModelInfer parse(pbf_reader message) {
  ModelInfer result;
  std::vector<Input> inputs;
  std::vector<std::string_view> raw;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        result.model.name = message.get_string();
        break;
      case 2:
        result.model.version = message.get_string();
        break;
      case 3:
        result.request.id = message.get_string();
        break;
      case 5:
        inputs.push_back(read_input(message.get_message()));
        break;
      case 6:
        result.request.outputs.push_back(read_output(message.get_message()));
        break;
      case 7: {
        const auto bytes = message.get_view();
        raw.emplace_back(bytes.data(), bytes.size());
        break;
      }
      default:
        message.skip();
    }
  }
  if (!raw.empty() && raw.size() != inputs.size())
    throw DataError(fmt::format("raw_input_contents has {} tensors, inputs {}", raw.size(), inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto& input = inputs[i];
    if (!raw.empty() && input.has_contents)
      throw DataError(fmt::format("input '{}': it has both contents and raw_input_contents", input.name));
    const std::string_view bytes = raw.empty() ? std::string_view(input.contents) : raw[i];
    result.request.inputs.push_back(
        tensor_from_bytes(std::move(input.name), std::move(input.datatype), std::move(input.shape), bytes));
  }
  return result;
}

void write_ports(pbf_writer& message, protozero::pbf_tag_type tag, const std::vector<Port>& ports) {
  for (const auto& port : ports) {
    pbf_writer one(message, tag);
    one.add_string(1, port.name);
    one.add_string(2, port.datatype);
    one.add_packed_int64(3, port.shape.begin(), port.shape.end());
  }
}

}  // namespace

ModelName read_model_name(std::string_view message) {
  return guarded([&] {
    ModelName model;
    pbf_reader reader(message.data(), message.size());
    while (reader.next()) {
      if (reader.tag() == 1)
        model.name = reader.get_string();
      else if (reader.tag() == 2)
        model.version = reader.get_string();
      else
        reader.skip();
    }
    return model;
  });
}

ModelInfer read_infer_request(std::string_view message) {
  return guarded([&] { return parse(pbf_reader(message.data(), message.size())); });
}

std::string write_flag(bool value) {
  std::string bytes;
  pbf_writer(bytes).add_bool(1, value);
  return bytes;
}

std::string write_server_metadata(const std::string& name, const std::string& version,
                                  const std::vector<std::string>& extensions) {
  std::string bytes;
  pbf_writer message(bytes);
  message.add_string(1, name);
  message.add_string(2, version);
  for (const auto& extension : extensions) message.add_string(3, extension);
  return bytes;
}

std::string write_model_metadata(const std::string& name, const std::vector<std::string>& versions,
                                 const std::vector<Port>& inputs, const std::vector<Port>& outputs) {
  std::string bytes;
  pbf_writer message(bytes);
  message.add_string(1, name);
  for (const auto& version : versions) message.add_string(2, version);
  message.add_string(3, "pytorch_libtorch");
  write_ports(message, 4, inputs);
  write_ports(message, 5, outputs);
  return bytes;
}

std::string write_infer_response(const std::string& model, std::int64_t version, const std::string& id,
                                 const std::vector<InferTensor>& outputs) {
  std::string bytes;
  pbf_writer message(bytes);
  message.add_string(1, model);
  message.add_string(2, std::to_string(version));
  if (!id.empty()) message.add_string(3, id);
  for (const auto& output : outputs) {
    pbf_writer one(message, 5);
    one.add_string(1, output.name);
    one.add_string(2, output.datatype);
    one.add_packed_int64(3, output.shape.begin(), output.shape.end());
  }
  for (const auto& output : outputs) message.add_bytes(6, bytes_of(output));
  return bytes;
}

}  // namespace ringtrain::grpc_v2
