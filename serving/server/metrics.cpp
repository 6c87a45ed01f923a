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

Metrics::Version Metrics::of(const std::string& model, std::int64_t version) {
  const prometheus::Labels labels{{"model", model}, {"version", std::to_string(version)}};
  return {seconds_.Add(labels, kSeconds), batch_rows_.Add(labels, kRows),
          batch_seconds_.Add(labels, kSeconds), rows_.Add(labels), loaded_.Add(labels)};
}

prometheus::Counter& Metrics::unseen(const std::string& model, std::int64_t version,
                                     const std::string& column) {
  return unseen_.Add({{"model", model}, {"version", std::to_string(version)}, {"column", column}});
}

void Metrics::answered(const std::string& model, const std::string& protocol, int code) {
  requests_.Add({{"model", model}, {"protocol", protocol}, {"code", std::to_string(code)}}).Increment();
}

void Metrics::load_failed(const std::string& model) { load_failures_.Add({{"model", model}}).Increment(); }

std::string Metrics::text(const Now& now) {
  connections_.Set(static_cast<double>(now.connections));
  waiting_rows_.Set(static_cast<double>(now.waiting_rows));
  resident_bytes_.Set(resident_bytes());
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace ringtrain
