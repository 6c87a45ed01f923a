#include "trainer/checkpoint/safetensors.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "common/errors.h"

namespace ringtrain {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");
constexpr std::uint64_t kLargestHeader = 100'000'000;  // as in the reference reader
constexpr std::uint64_t kLargestSide = std::uint64_t{1} << 40;

struct NamedType {
  const char* name;
  at::ScalarType type;
};
constexpr std::array<NamedType, 9> kTypes{{{"F64", at::kDouble},
                                           {"F32", at::kFloat},
                                           {"F16", at::kHalf},
                                           {"BF16", at::kBFloat16},
                                           {"I64", at::kLong},
                                           {"I32", at::kInt},
                                           {"I8", at::kChar},
                                           {"U8", at::kByte},
                                           {"BOOL", at::kBool}}};

const char* name_of(at::ScalarType type) {
  for (const auto& known : kTypes)
    if (known.type == type) return known.name;
  throw CheckpointError(fmt::format("safetensors: no name for tensors of type {}", c10::toString(type)));
}

at::Tensor read_tensor(const nlohmann::json& entry, std::string_view data, const std::string& where) {
  const auto refuse = [&where](std::string_view why) {
    throw CheckpointError(fmt::format("{}: {}", where, why));
  };
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !entry.contains("shape") || !entry["shape"].is_array() || !entry.contains("data_offsets") ||
      !entry["data_offsets"].is_array() || entry["data_offsets"].size() != 2)
    refuse("expected dtype, shape and data_offsets");
  const auto wanted = entry["dtype"].get<std::string>();
  const NamedType* type = nullptr;
  for (const auto& known : kTypes)
    if (known.name == wanted) type = &known;
  if (!type) refuse(fmt::format("unknown dtype '{}'", wanted));
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = c10::elementSize(type->type);
  for (const auto& side : entry["shape"]) {
    if (!side.is_number_unsigned() || side.get<std::uint64_t>() > kLargestSide)
      refuse("a side of the shape is no size");
    const auto length = side.get<std::uint64_t>();
    if (__builtin_mul_overflow(bytes, length, &bytes)) refuse("the shape is larger than any file");
    shape.push_back(static_cast<std::int64_t>(length));
  }
  for (const auto& offset : entry["data_offsets"])
    if (!offset.is_number_unsigned()) refuse("data_offsets are not whole numbers");
  const auto begin = entry["data_offsets"][0].get<std::uint64_t>();
  const auto end = entry["data_offsets"][1].get<std::uint64_t>();
  if (begin > end || end > data.size())
    refuse(fmt::format("data_offsets [{}, {}] lie outside the {} bytes of data", begin, end, data.size()));
  if (end - begin != bytes)
    refuse(fmt::format("{} bytes of data for a tensor of {} bytes", end - begin, bytes));
  auto tensor = at::empty(shape, type->type);
  if (bytes > 0) std::memcpy(tensor.mutable_data_ptr(), data.data() + begin, bytes);
  return tensor;
}

}  // namespace

void write_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata,
                       const std::function<void(std::string_view)>& sink) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = static_cast<std::uint64_t>(tensor.numel()) * tensor.element_size();
    header[name] = {{"dtype", name_of(tensor.scalar_type())},
                    {"shape", tensor.sizes()},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data is aligned
  const std::uint64_t length = text.size();
  std::array<char, sizeof length> begin{};
  std::memcpy(begin.data(), &length, sizeof length);
  sink({begin.data(), begin.size()});
  sink(text);
  for (const auto& [name, tensor] : tensors) {
    const auto host = tensor.detach().cpu().contiguous();
    sink({static_cast<const char*>(host.const_data_ptr()), host.nbytes()});
  }
}

std::string write_safetensors(const NamedTensors& tensors,
                              const std::map<std::string, std::string>& metadata) {
  std::string bytes;
  write_safetensors(tensors, metadata, [&bytes](std::string_view piece) { bytes += piece; });
  return bytes;
}

NamedTensors read_safetensors(std::string_view bytes, const std::string& name) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) throw CheckpointError(name + ": too short for a safetensors file");
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes.remove_prefix(sizeof length);
  if (length > kLargestHeader || length > bytes.size())
    throw CheckpointError(
        fmt::format("{}: a header of {} bytes in a file of {}", name, length, bytes.size()));
  std::set<std::string> names;
  bool twice = false;  // JSON leaves it open which one counts
  const auto look = [&](int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
    if (event == nlohmann::json::parse_event_t::key && depth == 1)
      twice = twice || !names.insert(parsed.get<std::string>()).second;
    return true;
  };
  const auto header = nlohmann::json::parse(bytes.substr(0, length), look, /*allow_exceptions=*/false);
  if (twice) throw CheckpointError(name + ": its header names a tensor twice");
  if (!header.is_object()) throw CheckpointError(name + ": its header is not a JSON object");
  NamedTensors tensors;
  std::map<std::uint64_t, std::uint64_t> used;
  for (const auto& [key, entry] : header.items()) {
    if (key == "__metadata__") continue;
    tensors[key] = read_tensor(entry, bytes.substr(length), fmt::format("{}, tensor '{}'", name, key));
    if (tensors[key].numel() > 0) used[entry["data_offsets"][0]] = entry["data_offsets"][1];
  }
  std::uint64_t at = 0;
  for (const auto& [begin, end] : used) {
    if (begin != at) throw CheckpointError(name + ": the data of its tensors overlap or leave gaps");
    at = end;
  }
  if (at != bytes.size() - length) throw CheckpointError(name + ": bytes after the last tensor");
  return tensors;
}

}  // namespace ringtrain
