#include "serving/server/model_description.h"

#include "serving/server/model_ports.h"

namespace ringtrain {
namespace {

using nlohmann::json;

json described(const std::vector<Port>& ports) {
  json list = json::array();
  for (const auto& port : ports) {
    const auto type = "TYPE_" + (port.datatype == "BYTES" ? "STRING" : port.datatype);
    list.push_back({{"name", port.name}, {"data_type", type}, {"dims", port.shape}});
  }
  return list;
}

json duration(std::uint64_t count, std::uint64_t nanoseconds) {
  return {{"count", count}, {"ns", nanoseconds}};
}

}  // namespace

std::vector<IndexEntry> repository_index(const ServedModels& models, bool ready_only) {
  std::vector<IndexEntry> index;
  for (const auto& name : models.names())
    for (const auto& version : models.versions_of(name)) {
      const bool ready = version.state == "AVAILABLE";
      if (ready || !ready_only)
        index.push_back(
            {name, std::to_string(version.number), ready ? "READY" : "UNAVAILABLE", version.problem});
    }
  return index;
}

json model_config(const LoadedVersion& version) {
  const auto& manifest = version.predictor->manifest();
  return {{"name", version.model},
          {"platform", "pytorch_libtorch"},
          {"backend", "pytorch"},
          {"max_batch_size", 0},
          {"input", described(input_ports(manifest))},
          {"output", described(output_ports(manifest))}};
}

json model_statistics(const LoadedVersion& version) {
  const auto& s = *version.statistics;
  const std::uint64_t computed = s.computed, compute_ns = s.compute_ns, all_ns = s.succeeded_ns + s.failed_ns;
  return {{"name", version.model},
          {"version", std::to_string(version.number)},
          {"last_inference", s.last_ms.load()},
          {"inference_count", s.rows.load()},
          {"execution_count", s.runs.load()},
          {"inference_stats",
           {{"success", duration(s.succeeded, s.succeeded_ns)},
            {"fail", duration(s.failed, s.failed_ns)},
            {"queue", duration(computed, all_ns > compute_ns ? all_ns - compute_ns : 0)},
            {"compute_input", duration(0, 0)},
            {"compute_infer", duration(computed, compute_ns)},
            {"compute_output", duration(0, 0)},
            {"cache_hit", duration(0, 0)},
            {"cache_miss", duration(0, 0)}}},
          {"batch_stats", json::array()}};
}

std::vector<ServedModels::Loaded> versions_asked(const ServedModels& models, const std::string& name,
                                                 std::optional<std::int64_t> number) {
  std::vector<ServedModels::Loaded> found;
  for (const auto& model : name.empty() ? models.names() : std::vector{name})
    for (const auto& version : models.versions_of(model)) {
      if (number && *number != version.number) continue;
      if (auto loaded = models.find(model, version.number)) found.push_back(std::move(loaded));
    }
  return found;
}

}  // namespace ringtrain
