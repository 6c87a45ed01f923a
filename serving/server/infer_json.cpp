#include "serving/server/infer_json.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "common/errors.h"
#include "serving/predict/json_text.h"

namespace ringtrain {
namespace {

using rapidjson::Value;

const Value* member(const Value& object, const char* name) {
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

std::string required_text(const Value& object, const char* name, const std::string& where) {
  const auto* value = object.IsObject() ? member(object, name) : nullptr;
  if (!value || !value->IsString())
    throw DataError(fmt::format("{}: \"{}\" is missing or no string", where, name));
  return std::string(text_of(*value));
}

std::vector<std::int64_t> shape_of(const Value& input, const std::string& where) {
  const auto* shape = member(input, "shape");
  if (!shape || !shape->IsArray())
    throw DataError(fmt::format("{}: \"shape\" is missing or no array", where));
  std::vector<std::int64_t> sizes;
  for (const auto& size : shape->GetArray()) {
    if (!size.IsInt64())
      throw DataError(fmt::format("{}: \"shape\" has {}, no whole number", where, shown(size)));
    sizes.push_back(size.GetInt64());
  }
  return sizes;
}

/// The parameter of an input or output; null when there is none.
const Value* parameter(const Value& object, const char* name) {
  const auto* parameters = member(object, "parameters");
  return parameters && parameters->IsObject() ? member(*parameters, name) : nullptr;
}

bool flag(const Value& object, const char* name) {
  const auto* value = parameter(object, name);
  return value && value->IsBool() && value->GetBool();
}

/// The parameter `classification` of an output, as Triton's extension has it; 0: none.
std::int64_t classes_wanted(const Value& output, const std::string& name) {
  const auto* wanted = parameter(output, "classification");
  if (!wanted || wanted->IsNull()) return 0;
  if (!wanted->IsInt64() || wanted->GetInt64() < 0)
    throw DataError(
        fmt::format("output '{}': \"classification\" is {}, no number of classes", name, shown(*wanted)));
  return wanted->GetInt64();
}

/// Puts the values of nested or flat arrays one behind the other.
template <class Take>
void flatten(const Value& data, const Take& take) {
  for (const auto& value : data.GetArray()) {
    if (value.IsArray())
      flatten(value, take);
    else
      take(value);
  }
}

/// Throws DataError for arrays in arrays that are not those of the shape; flat ones have none.
void require_nested_as(const Value& data, const std::vector<std::int64_t>& shape, const std::string& where) {
  const auto is_nested = [](const Value& array) {
    return std::any_of(array.Begin(), array.End(), [](const Value& value) { return value.IsArray(); });
  };
  if (!is_nested(data)) return;
  const std::function<bool(const Value&, std::size_t)> fits = [&](const Value& value, std::size_t level) {
    if (level == shape.size()) return !value.IsArray();
    return value.IsArray() && static_cast<std::int64_t>(value.Size()) == shape[level] &&
           std::all_of(value.Begin(), value.End(),
                       [&](const Value& inner) { return fits(inner, level + 1); });
  };
  if (!fits(data, 0))
    throw DataError(
        fmt::format("{}: its nested arrays are not those of the shape [{}]", where, fmt::join(shape, ", ")));
}

InferTensor tensor_from_json(std::string name, std::string datatype, std::vector<std::int64_t> shape,
                             const Value& data) {
  const auto where = fmt::format("input '{}'", name);
  if (!data.IsArray()) throw DataError(where + ": \"data\" is no array");
  const auto count = element_count(name, shape);
  require_nested_as(data, shape, where);
  InferTensor tensor{std::move(name), std::move(datatype), std::move(shape), {}, {}};
  if (tensor.datatype == "BYTES") {
    flatten(data, [&](const Value& value) {
      if (!value.IsString())
        throw DataError(fmt::format("{}: expected strings, got {}", where, shown(value)));
      tensor.strings.emplace_back(text_of(value));
    });
    if (static_cast<std::int64_t>(tensor.strings.size()) != count)
      throw DataError(fmt::format("{}: {} values do not fill the shape [{}]", where, tensor.strings.size(),
                                  fmt::join(tensor.shape, ", ")));
    return tensor;
  }
  std::vector<double> values;
  std::vector<std::int64_t> whole;  // of those that are whole numbers: float64 does not hold all of int64
  flatten(data, [&](const Value& value) {
    if (value.IsInt64()) whole.push_back(value.GetInt64());
    if (value.IsNull()) return values.push_back(std::numeric_limits<double>::quiet_NaN());
    if (value.IsBool()) return values.push_back(value.GetBool() ? 1 : 0);
    if (!value.IsNumber()) throw DataError(fmt::format("{}: expected numbers, got {}", where, shown(value)));
    values.push_back(value.GetDouble());
  });
  if (static_cast<std::int64_t>(values.size()) != count)
    throw DataError(fmt::format("{}: {} values do not fill the shape [{}]", where, values.size(),
                                fmt::join(tensor.shape, ", ")));
  const auto type = scalar_type(tensor.name, tensor.datatype);
  const bool exact = at::isIntegralType(type, false) && whole.size() == values.size();
  const at::Tensor given =
      (exact ? at::tensor(whole, at::kLong) : at::tensor(values, at::kDouble)).reshape(tensor.shape);
  tensor.values = given.to(type);
  // What is not exact holds a number such as 3.0, whose neighbours float64 may not tell apart.
  const bool lost = !exact && at::isIntegralType(type, false) && given.abs().gt(0x1p53).any().item<bool>();
  const auto largest = largest_unsigned(tensor.datatype);
  const bool beyond =
      largest && (tensor.values.lt(0).any().item<bool>() || tensor.values.gt(*largest).any().item<bool>());
  if (lost || beyond || (!at::isFloatingType(type) && !tensor.values.to(given.scalar_type()).equal(given)))
    throw DataError(fmt::format("{}: a value is no {}", where, tensor.datatype));
  return tensor;
}

InferTensor read_input(const Value& input, std::string_view& binary) {
  auto name = required_text(input, "name", "an input");
  const auto where = fmt::format("input '{}'", name);
  auto datatype = required_text(input, "datatype", where);
  auto shape = shape_of(input, where);
  if (const auto* size = parameter(input, "binary_data_size")) {
    if (!size->IsUint64() || size->GetUint64() > binary.size())
      throw DataError(fmt::format("{}: binary_data_size is {}, but {} bytes are left in the body", where,
                                  shown(*size), binary.size()));
    const auto bytes = binary.substr(0, size->GetUint64());
    binary.remove_prefix(bytes.size());
    return tensor_from_bytes(std::move(name), std::move(datatype), std::move(shape), bytes);
  }
  const auto* data = member(input, "data");
  if (!data) throw DataError(fmt::format("{}: it has neither \"data\" nor binary_data_size", where));
  return tensor_from_json(std::move(name), std::move(datatype), std::move(shape), *data);
}

void append_values(std::string& text, const InferTensor& tensor) {
  text += '[';
  const auto separate = [&](std::int64_t i) {
    if (i > 0) text += ',';
  };
  if (!tensor.values.defined()) {
    for (std::size_t i = 0; i < tensor.strings.size(); ++i) {
      separate(static_cast<std::int64_t>(i));
      append_string(text, tensor.strings[i]);
    }
  } else if (tensor.values.scalar_type() == at::kLong) {
    for (std::int64_t i = 0; i < tensor.values.numel(); ++i) {
      separate(i);
      text += std::to_string(tensor.values.const_data_ptr<std::int64_t>()[i]);
    }
  } else {
    for (std::int64_t i = 0; i < tensor.values.numel(); ++i) {
      separate(i);
      append_number(text, tensor.values.const_data_ptr<float>()[i]);
    }
  }
  text += ']';
}

}  // namespace

InferRequest parse_infer_request(std::string_view body, std::int64_t header_length) {
  if (header_length > static_cast<std::int64_t>(body.size()))
    throw DataError(fmt::format("Inference-Header-Content-Length is {}, but the body has {} bytes",
                                header_length, body.size()));
  const auto header = header_length < 0 ? body : body.substr(0, static_cast<std::size_t>(header_length));
  std::string_view binary = body.substr(header.size());
  const auto document = parse_json(header);
  if (!document.IsObject()) throw DataError("expected an object with \"inputs\"");
  InferRequest request;
  if (const auto* id = member(document, "id"); id && !id->IsNull())
    request.id = id->IsString() ? std::string(text_of(*id)) : shown(*id);
  request.binary_outputs = flag(document, "binary_data_output");
  const auto* inputs = member(document, "inputs");
  if (!inputs || !inputs->IsArray()) throw DataError("\"inputs\" is missing or no array");
  for (const auto& input : inputs->GetArray()) request.inputs.push_back(read_input(input, binary));
  if (!binary.empty()) throw DataError(fmt::format("{} bytes of the body belong to no input", binary.size()));
  if (const auto* outputs = member(document, "outputs")) {
    if (!outputs->IsArray()) throw DataError("\"outputs\" is no array");
    for (const auto& output : outputs->GetArray()) {
      const auto name = required_text(output, "name", "an output");
      const bool named = parameter(output, "binary_data") != nullptr;
      request.outputs.push_back(
          {name, named ? flag(output, "binary_data") : request.binary_outputs, classes_wanted(output, name)});
    }
  }
  return request;
}

std::vector<WantedOutput> wanted_outputs(const InferRequest& request) {
  std::vector<WantedOutput> wanted;
  for (const auto& output : request.outputs) wanted.push_back({output.name, output.classes});
  return wanted;
}

HttpReply infer_reply(const InferRequest& request, const std::string& model, std::int64_t version,
                      std::vector<InferTensor> outputs) {
  std::string text = "{\"model_name\":", binary;
  append_string(text, model);
  text += fmt::format(",\"model_version\":\"{}\"", version);
  if (!request.id.empty()) {
    text += ",\"id\":";
    append_string(text, request.id);
  }
  text += ",\"outputs\":[";
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& output = outputs[i];
    text += i > 0 ? ",{\"name\":" : "{\"name\":";
    append_string(text, output.name);
    text += fmt::format(",\"datatype\":\"{}\",\"shape\":[{}]", output.datatype, fmt::join(output.shape, ","));
    if (request.outputs.empty() ? request.binary_outputs : request.outputs[i].binary) {
      const auto bytes = bytes_of(output);
      text += fmt::format(",\"parameters\":{{\"binary_data_size\":{}}}}}", bytes.size());
      binary += bytes;
    } else {
      text += ",\"data\":";
      append_values(text, output);
      text += '}';
    }
  }
  text += "]}";
  if (binary.empty()) return {200, std::move(text)};
  const auto length = std::to_string(text.size());
  return {200, text + binary, "application/octet-stream", {{"Inference-Header-Content-Length", length}}};
}

}  // namespace ringtrain
