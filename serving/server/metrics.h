#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace ringtrain {

/// What a server counts, for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/).
class Metrics {
 public:
  Metrics();

  /// The series of one version of a model, found once: finding costs more than counting. They go with the
  /// last one that has them: a version may be loaded anew beside itself. Outlived by its Metrics.
  class Version {
   public:
    /// `columns`: the categorical ones.
    Version(Metrics& metrics, const std::string& model, std::int64_t version,
            const std::vector<std::string>& columns);
    ~Version();
    Version(const Version&) = delete;
    Version& operator=(const Version&) = delete;

    prometheus::Histogram& seconds;        ///< of a request, from its last byte to its answer
    prometheus::Histogram& batch_rows;     ///< of a run of the model
    prometheus::Histogram& batch_seconds;  ///< of a run of the model
    prometheus::Counter& rows;
    prometheus::Gauge& loaded;                 ///< 1 while it is loaded
    std::vector<prometheus::Counter*> unseen;  ///< by column: values that training did not see

   private:
    Metrics& metrics_;
  };

  /// A request that was answered. `model`: empty where none was found.
  void answered(const std::string& model, const std::string& protocol, int code);
  void load_failed(const std::string& model);
  /// What came to be known of a row of a model, and was kept.
  void feedback(const std::string& model);
  /// Lines or rows of a log ("access", "requests") that were not written.
  void log_dropped(const std::string& log, std::size_t count);

  /// Numbers that are looked up when they are asked for.
  struct Now {
    std::size_t connections = 0;
    std::int64_t waiting_rows = 0;
  };
  /// Prometheus text, version 0.0.4.
  std::string text(const Now& now);

 private:
  template <class Metric, class... Arguments>
  Metric& hold(prometheus::Family<Metric>& family, const prometheus::Labels& labels,
               const Arguments&... arguments);
  template <class Metric>
  void let_go(prometheus::Family<Metric>& family, Metric& metric);

  prometheus::Registry registry_;
  std::mutex mutex_;
  std::unordered_map<const void*, int> uses_;  // of the series of versions
  prometheus::Family<prometheus::Counter>&requests_, &rows_, &load_failures_, &unseen_, &log_dropped_,
      &feedback_;
  prometheus::Family<prometheus::Histogram>&seconds_, &batch_rows_, &batch_seconds_;
  prometheus::Family<prometheus::Gauge>& loaded_;
  prometheus::Gauge &connections_, &waiting_rows_, &resident_bytes_;
};

}  // namespace ringtrain
