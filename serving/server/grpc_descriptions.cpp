#include "serving/server/grpc_descriptions.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "serving/server/guarded_read.h"

namespace ringtrain::grpc_v2 {
namespace {

using nlohmann::json;
using protozero::pbf_reader;
using protozero::pbf_writer;

/// inference.DataType: the place is the number.
constexpr std::string_view kTypes[] = {"TYPE_INVALID", "TYPE_BOOL",   "TYPE_UINT8", "TYPE_UINT16",
                                       "TYPE_UINT32",  "TYPE_UINT64", "TYPE_INT8",  "TYPE_INT16",
                                       "TYPE_INT32",   "TYPE_INT64",  "TYPE_FP16",  "TYPE_FP32",
                                       "TYPE_FP64",    "TYPE_STRING", "TYPE_BF16"};

std::int32_t type_number(const std::string& name) {
  const auto found = std::find(std::begin(kTypes), std::end(kTypes), name);
  return found == std::end(kTypes) ? 0 : static_cast<std::int32_t>(found - std::begin(kTypes));
}

void write_tensors(pbf_writer& config, protozero::pbf_tag_type tag, protozero::pbf_tag_type dims_tag,
                   const json& tensors) {
  for (const auto& tensor : tensors) {
    pbf_writer one(config, tag);
    one.add_string(1, tensor["name"].get<std::string>());
    one.add_enum(2, type_number(tensor["data_type"]));
    const auto dims = tensor["dims"].get<std::vector<std::int64_t>>();
    one.add_packed_int64(dims_tag, dims.begin(), dims.end());
  }
}

void write_one(pbf_writer& message, const json& statistics) {
  message.add_string(1, statistics["name"].get<std::string>());
  message.add_string(2, statistics["version"].get<std::string>());
  message.add_uint64(3, statistics["last_inference"]);
  message.add_uint64(4, statistics["inference_count"]);
  message.add_uint64(5, statistics["execution_count"]);
  pbf_writer durations(message, 6);
  protozero::pbf_tag_type tag = 1;
  for (const char* name : {"success", "fail", "queue", "compute_input", "compute_infer", "compute_output",
                           "cache_hit", "cache_miss"}) {
    pbf_writer one(durations, tag++);
    one.add_uint64(1, statistics["inference_stats"][name]["count"]);
    one.add_uint64(2, statistics["inference_stats"][name]["ns"]);
  }
}

}  // namespace

std::string write_health(bool is_serving) {
  std::string bytes;
  pbf_writer(bytes).add_enum(1, is_serving ? 1 : 2);
  return bytes;
}

bool read_index_request(std::string_view message) {
  return guarded([&] {
    bool ready = false;
    pbf_reader reader(message.data(), message.size());
    while (reader.next()) {
      if (reader.tag() == 2)
        ready = reader.get_bool();
      else
        reader.skip();
    }
    return ready;
  });
}

std::string write_repository_index(const std::vector<IndexEntry>& index) {
  std::string bytes;
  pbf_writer message(bytes);
  for (const auto& entry : index) {
    pbf_writer one(message, 1);
    one.add_string(1, entry.model);
    one.add_string(2, entry.version);
    one.add_string(3, entry.state);
    one.add_string(4, entry.reason);
  }
  return bytes;
}

ChangeRequest read_change_request(std::string_view message) {
  return guarded([&] {
    ChangeRequest request;
    pbf_reader reader(message.data(), message.size());
    while (reader.next()) {
      if (reader.tag() == 2) {
        request.model = reader.get_string();
      } else if (reader.tag() == 3) {
        auto entry = reader.get_message();
        while (entry.next(1)) request.parameters.push_back(entry.get_string());
      } else {
        reader.skip();
      }
    }
    return request;
  });
}

std::string write_config(const json& config) {
  std::string bytes;
  pbf_writer message(bytes);
  pbf_writer one(message, 1);
  one.add_string(1, config["name"].get<std::string>());
  one.add_string(2, config["platform"].get<std::string>());
  one.add_int32(4, config["max_batch_size"]);
  write_tensors(one, 5, 4, config["input"]);
  write_tensors(one, 6, 3, config["output"]);
  one.add_string(17, config["backend"].get<std::string>());
  one.commit();
  return bytes;
}

std::string write_statistics(const std::vector<ServedModels::Loaded>& versions) {
  std::string bytes;
  pbf_writer message(bytes);
  for (const auto& version : versions) {
    pbf_writer one(message, 1);
    write_one(one, model_statistics(*version));
  }
  return bytes;
}

}  // namespace ringtrain::grpc_v2
