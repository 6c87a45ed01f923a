#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <functional>
#include <string>

namespace ringtrain {

/// What a server counts, for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/).
class Metrics {
 public:
  Metrics();

  /// Of one version of a model, found once: finding costs more than counting.
  struct Version {
    prometheus::Histogram& seconds;        ///< of a request, from its last byte to its answer
    prometheus::Histogram& batch_rows;     ///< of a run of the model
    prometheus::Histogram& batch_seconds;  ///< of a run of the model
    prometheus::Counter& rows;
    prometheus::Gauge& loaded;  ///< 1 while it is loaded
  };
  /// Values of a categorical column that training did not see, of one version of a model.
  prometheus::Counter& unseen(const std::string& model, std::int64_t version, const std::string& column);
  Version of(const std::string& model, std::int64_t version);

  /// A request that was answered. `model`: empty where none was found.
  void answered(const std::string& model, const std::string& protocol, int code);
  void load_failed(const std::string& model);

  /// Numbers that are looked up when they are asked for.
  struct Now {
    std::size_t connections = 0;
    std::int64_t waiting_rows = 0;
  };
  /// Prometheus text, version 0.0.4.
  std::string text(const Now& now);

 private:
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>&requests_, &rows_, &load_failures_, &unseen_;
  prometheus::Family<prometheus::Histogram>&seconds_, &batch_rows_, &batch_seconds_;
  prometheus::Family<prometheus::Gauge>& loaded_;
  prometheus::Gauge &connections_, &waiting_rows_, &resident_bytes_;
};

}  // namespace ringtrain
