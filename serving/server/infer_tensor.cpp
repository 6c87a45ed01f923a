#include "serving/server/infer_tensor.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "common/errors.h"

namespace ringtrain {
namespace {

struct Datatype {
  const char* name;
  at::ScalarType type;  ///< that holds the values
  std::size_t bytes;    ///< of one, where it is sent
};

// The first of a type is the one that stands for it in answers.
constexpr Datatype kDatatypes[] = {
    {"FP32", at::kFloat, 4}, {"FP64", at::kDouble, 8}, {"FP16", at::kHalf, 2},   {"BF16", at::kBFloat16, 2},
    {"INT64", at::kLong, 8}, {"INT32", at::kInt, 4},   {"INT16", at::kShort, 2}, {"INT8", at::kChar, 1},
    {"UINT8", at::kByte, 1}, {"BOOL", at::kBool, 1},   {"UINT16", at::kInt, 2},  {"UINT32", at::kLong, 4},
    {"UINT64", at::kLong, 8}};

const Datatype& datatype_named(const std::string& tensor, const std::string& name) {
  for (const auto& one : kDatatypes)
    if (name == one.name) return one;
  throw DataError(
      fmt::format("input '{}': unknown datatype '{}'; expected FP32, FP64, FP16, BF16, INT64, INT32, INT16, "
                  "INT8, UINT64, UINT32, UINT16, UINT8, BOOL or BYTES",
                  tensor, name));
}

std::vector<std::string> strings_from(const std::string& name, std::int64_t count, std::string_view bytes) {
  std::vector<std::string> strings;
  while (!bytes.empty()) {
    std::uint32_t length = 0;
    if (bytes.size() >= sizeof length) std::memcpy(&length, bytes.data(), sizeof length);
    if (length + sizeof length > bytes.size())
      throw DataError(fmt::format("input '{}': its last string is cut off", name));
    bytes.remove_prefix(sizeof length);
    strings.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (static_cast<std::int64_t>(strings.size()) != count)
    throw DataError(
        fmt::format("input '{}': its bytes hold {} strings, its shape {}", name, strings.size(), count));
  return strings;
}

/// Values of an unsigned type in one that is wider, or in int64.
template <class Sent, class Held>
at::Tensor widened(const InferTensor& tensor, std::string_view bytes, at::ScalarType type) {
  at::Tensor values = at::empty(tensor.shape, type);
  auto* to = values.data_ptr<Held>();
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Sent)) {
    Sent value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if (value > static_cast<std::uint64_t>(std::numeric_limits<Held>::max()))
      throw DataError(fmt::format("input '{}': {} is beyond 2^63 - 1, the largest number that is taken",
                                  tensor.name, value));
    *to++ = static_cast<Held>(value);
  }
  return values;
}

}  // namespace

at::ScalarType scalar_type(const std::string& tensor, const std::string& datatype) {
  return datatype_named(tensor, datatype).type;
}

const char* datatype_of(at::ScalarType type) {
  for (const auto& one : kDatatypes)
    if (type == one.type) return one.name;
  throw std::logic_error("a signature has a type that no tensor has");
}

std::optional<std::int64_t> largest_unsigned(const std::string& datatype) {
  if (datatype == "UINT16") return std::numeric_limits<std::uint16_t>::max();
  if (datatype == "UINT32") return std::numeric_limits<std::uint32_t>::max();
  if (datatype == "UINT64") return std::numeric_limits<std::int64_t>::max();
  return std::nullopt;
}

std::int64_t element_count(const std::string& tensor, const std::vector<std::int64_t>& shape) {
  // No input has so many; the texts of errors would repeat them all.
  if (shape.size() > 8)
    throw DataError(
        fmt::format("input '{}': the shape of {} dimensions is not possible", tensor, shape.size()));
  std::int64_t count = 1;
  bool empty = false;
  for (const auto size : shape) {
    empty = empty || size == 0;
    if (size < 0 || __builtin_mul_overflow(count, std::max<std::int64_t>(size, 1), &count) ||
        count > (std::int64_t{1} << 31))
      throw DataError(
          fmt::format("input '{}': the shape [{}] is not possible", tensor, fmt::join(shape, ", ")));
  }
  return empty ? 0 : count;
}

InferTensor tensor_from_bytes(std::string name, std::string datatype, std::vector<std::int64_t> shape,
                              std::string_view bytes) {
  const auto count = element_count(name, shape);
  InferTensor tensor{std::move(name), std::move(datatype), std::move(shape), {}, {}};
  if (tensor.datatype == "BYTES") {
    tensor.strings = strings_from(tensor.name, count, bytes);
    return tensor;
  }
  const auto& type = datatype_named(tensor.name, tensor.datatype);
  const auto expected = static_cast<std::size_t>(count) * type.bytes;
  if (bytes.size() != expected)
    throw DataError(fmt::format("input '{}': {} [{}] has {} bytes, got {}", tensor.name, tensor.datatype,
                                fmt::join(tensor.shape, ", "), expected, bytes.size()));
  if (tensor.datatype == "UINT16") {
    tensor.values = widened<std::uint16_t, std::int32_t>(tensor, bytes, type.type);
  } else if (tensor.datatype == "UINT32") {
    tensor.values = widened<std::uint32_t, std::int64_t>(tensor, bytes, type.type);
  } else if (tensor.datatype == "UINT64") {
    tensor.values = widened<std::uint64_t, std::int64_t>(tensor, bytes, type.type);
  } else {
    tensor.values = at::empty(tensor.shape, type.type);
    if (!bytes.empty()) std::memcpy(tensor.values.data_ptr(), bytes.data(), bytes.size());
  }
  return tensor;
}

std::string bytes_of(const InferTensor& tensor) {
  if (tensor.values.defined())
    return {static_cast<const char*>(tensor.values.const_data_ptr()), tensor.values.nbytes()};
  std::string bytes;
  for (const auto& text : tensor.strings) {
    const auto length = static_cast<std::uint32_t>(text.size());
    bytes.append(reinterpret_cast<const char*>(&length), sizeof length);
    bytes += text;
  }
  return bytes;
}

}  // namespace ringtrain
