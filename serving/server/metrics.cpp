#include "serving/server/metrics.h"

#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <fstream>

namespace ringtrain {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

const prometheus::Histogram::BucketBoundaries kSeconds{
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const prometheus::Histogram::BucketBoundaries kRows{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Metrics::Metrics()
    : requests_(BuildCounter()
                    .Name("ringtrain_requests_total")
                    .Help("Requests that were answered, by protocol and status code")
                    .Register(registry_)),
      rows_(BuildCounter().Name("ringtrain_rows_total").Help("Rows that were answered").Register(registry_)),
      load_failures_(BuildCounter()
                         .Name("ringtrain_model_load_failures_total")
                         .Help("Versions that could not be loaded")
                         .Register(registry_)),
      unseen_(BuildCounter()
                  .Name("ringtrain_unseen_values_total")
                  .Help("Values of a column that training did not see, or had none missing")
                  .Register(registry_)),
      log_dropped_(BuildCounter()
                       .Name("ringtrain_log_dropped_total")
                       .Help("Lines and rows of a log that were not written, by log")
                       .Register(registry_)),
      feedback_(BuildCounter()
                    .Name("ringtrain_feedback_total")
                    .Help("Labels of rows that were answered, and were kept")
                    .Register(registry_)),
      seconds_(BuildHistogram()
                   .Name("ringtrain_request_seconds")
                   .Help("Seconds from a request's last byte to its answer")
                   .Register(registry_)),
      batch_rows_(BuildHistogram()
                      .Name("ringtrain_batch_rows")
                      .Help("Rows of a run of the model")
                      .Register(registry_)),
      batch_seconds_(BuildHistogram()
                         .Name("ringtrain_batch_seconds")
                         .Help("Seconds of a run of the model")
                         .Register(registry_)),
      loaded_(BuildGauge()
                  .Name("ringtrain_model_loaded")
                  .Help("1 for each version that is loaded")
                  .Register(registry_)),
      connections_(BuildGauge()
                       .Name("ringtrain_connections")
                       .Help("HTTP connections that are open")
                       .Register(registry_)
                       .Add({})),
      waiting_rows_(BuildGauge()
                        .Name("ringtrain_waiting_rows")
                        .Help("Rows that wait for a run of the model")
                        .Register(registry_)
                        .Add({})),
      resident_bytes_(BuildGauge()
                          .Name("process_resident_memory_bytes")
                          .Help("Memory of the process")
                          .Register(registry_)
                          .Add({})) {}

template <class Metric, class... Arguments>
Metric& Metrics::hold(prometheus::Family<Metric>& family, const prometheus::Labels& labels,
                      const Arguments&... arguments) {
  const std::lock_guard lock(mutex_);
  Metric& metric = family.Add(labels, arguments...);
  ++uses_[&metric];
  return metric;
}

template <class Metric>
void Metrics::let_go(prometheus::Family<Metric>& family, Metric& metric) {
  const std::lock_guard lock(mutex_);
  const auto uses = uses_.find(&metric);
  if (--uses->second > 0) return;
  uses_.erase(uses);
  family.Remove(&metric);
}

static prometheus::Labels labels_of(const std::string& model, std::int64_t version) {
  return {{"model", model}, {"version", std::to_string(version)}};
}

Metrics::Version::Version(Metrics& metrics, const std::string& model, std::int64_t version,
                          const std::vector<std::string>& columns)
    : seconds(metrics.hold(metrics.seconds_, labels_of(model, version), kSeconds)),
      batch_rows(metrics.hold(metrics.batch_rows_, labels_of(model, version), kRows)),
      batch_seconds(metrics.hold(metrics.batch_seconds_, labels_of(model, version), kSeconds)),
      rows(metrics.hold(metrics.rows_, labels_of(model, version))),
      loaded(metrics.hold(metrics.loaded_, labels_of(model, version))),
      metrics_(metrics) {
  for (const auto& column : columns) {
    auto labels = labels_of(model, version);
    labels["column"] = column;
    unseen.push_back(&metrics.hold(metrics.unseen_, labels));
  }
}

Metrics::Version::~Version() {
  metrics_.let_go(metrics_.seconds_, seconds);
  metrics_.let_go(metrics_.batch_rows_, batch_rows);
  metrics_.let_go(metrics_.batch_seconds_, batch_seconds);
  metrics_.let_go(metrics_.rows_, rows);
  metrics_.let_go(metrics_.loaded_, loaded);
  for (auto* one : unseen) metrics_.let_go(metrics_.unseen_, *one);
}

void Metrics::answered(const std::string& model, const std::string& protocol, int code) {
  requests_.Add({{"model", model}, {"protocol", protocol}, {"code", std::to_string(code)}}).Increment();
}

void Metrics::load_failed(const std::string& model) { load_failures_.Add({{"model", model}}).Increment(); }

void Metrics::feedback(const std::string& model) { feedback_.Add({{"model", model}}).Increment(); }

void Metrics::log_dropped(const std::string& log, std::size_t count) {
  log_dropped_.Add({{"log", log}}).Increment(static_cast<double>(count));
}

std::string Metrics::text(const Now& now) {
  connections_.Set(static_cast<double>(now.connections));
  waiting_rows_.Set(static_cast<double>(now.waiting_rows));
  resident_bytes_.Set(resident_bytes());
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace ringtrain
