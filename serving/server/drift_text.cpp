#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "common/prometheus_text.h"
#include "serving/server/drift_watch.h"
#include "serving/server/served_models.h"

namespace ringtrain {
namespace {

using Look =
    std::function<void(const std::string& model, std::int64_t version, const DriftWatch::Seen& seen)>;

void look_at_each(const ServedModels& models, const Look& look) {
  for (const auto& name : models.names())
    for (const auto& status : models.versions_of(name)) {
      const auto version = models.find(name, status.number);
      if (version && version->drift) look(name, status.number, version->drift->seen());
    }
}

std::string family(const char* name, const char* help, const std::string& lines) {
  return lines.empty() ? "" : fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{2}", name, help, lines);
}

}  // namespace

std::string drift_metrics_of(const ServedModels& models) {
  std::string rows, values, limits;
  look_at_each(models, [&](const std::string& model, std::int64_t version, const DriftWatch::Seen& seen) {
    const auto who = fmt::format("model=\"{}\",version=\"{}\"", prometheus_label(model), version);
    rows += fmt::format("ringtrain_drift_rows{{{}}} {}\n", who, seen.rows);
    for (const auto& column : seen.columns)
      for (const auto& measure : column.measures) {
        const auto labels = fmt::format("{{{},column=\"{}\",kind=\"{}\",measure=\"{}\"}}", who,
                                        prometheus_label(column.name), column.kind, measure.name);
        values += fmt::format("ringtrain_drift{} {}\n", labels, measure.value);
        limits += fmt::format("ringtrain_drift_limit{} {}\n", labels,
                              std::max(measure.chance, measure.limit.warning));
      }
  });
  return family("ringtrain_drift_rows", "The last rows, which are held against those of training", rows) +
         family("ringtrain_drift", "How far the last rows are from those of training", values) +
         family("ringtrain_drift_limit", "Beyond which it is a warning, and more than chance gives", limits);
}

nlohmann::ordered_json drift_of_models(const ServedModels& models) {
  auto json = nlohmann::ordered_json::object();
  look_at_each(models, [&](const std::string& model, std::int64_t version, const DriftWatch::Seen& seen) {
    json[model][std::to_string(version)] = seen.to_json();
  });
  return json;
}

}  // namespace ringtrain
