#pragma once

#include <string>
#include <vector>

#include "common/descriptor.h"
#include "serving/log/behind.h"
#include "serving/server/metrics.h"
#include "serving/server/request_context.h"

namespace ringtrain {

/// A line of JSON for each request that was answered, at the end of a file, written by a thread of its own:
///   {"time":"2026-01-05T12:00:03.412Z","client":"127.0.0.1:40312","protocol":"v1","method":"POST",
///    "path":"/v1/models/fraud:predict","status":200,"bytes_in":81,"bytes_out":93,"ms":1.204,
///    "request_id":"5b7c1f02a9d3e846","model":"fraud","version":3,"rows":1,"traceparent":"00-…"}
/// `model`, `version`, `rows` and `traceparent` stand where there are some; of gRPC `status` is its code. A
/// line that cannot be written, or comes while too many wait, is counted in ringtrain_log_dropped_total. A
/// file that was moved away is made anew.
class AccessLog {
 public:
  /// `file`: "-" for the standard output. Throws ConfigError with the system's reason.
  AccessLog(std::string file, Metrics& metrics);
  void add(const RequestContext& context, int status, std::size_t bytes);

 private:
  void write(const std::vector<std::string>& lines);

  const std::string name_;
  Metrics& metrics_;
  Descriptor file_;
  bool is_failing_ = false;
  Behind<std::string> lines_;  // last: its thread uses the others
};

/// The line, with its end. `bytes`: of the answer's body.
std::string access_line(const RequestContext& context, int status, std::size_t bytes);

}  // namespace ringtrain
