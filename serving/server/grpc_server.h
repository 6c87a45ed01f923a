#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "serving/server/access_log.h"
#include "serving/server/metrics.h"
#include "serving/server/repository_control.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// The Open Inference Protocol over gRPC: inference.GRPCInferenceService (proto/inference.proto),
/// grpc.health.v1.Health/Check, and reflection. Errors are INVALID_ARGUMENT (the request),
/// NOT_FOUND (no such version), RESOURCE_EXHAUSTED (too many rows wait), UNAUTHENTICATED, UNIMPLEMENTED and
/// INTERNAL.
class GrpcServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    int port = 0;  ///< 0: any that is free
    std::string certificate, key;
    std::vector<std::string> tokens;  ///< as of Service
    std::size_t most_message_bytes = 64 << 20;
    AccessLog* access_log = nullptr;
  };
  /// Listens and answers. Throws ConfigError when the address cannot be had or the certificate not be read.
  /// All but the options outlive it.
  GrpcServer(const Options& options, const ServedModels& models, Metrics& metrics,
             RepositoryControl& repository);
  /// Stops, without waiting for what is under way.
  ~GrpcServer();
  /// Takes no new calls, also on connections that are there, and returns when those of which a message has
  /// come, or comes within a second, are answered; what is not within `limit` is cancelled. Returns how many
  /// that were. Any thread may call it. It waits for ever for a model that does not come to an end.
  int stop(std::chrono::milliseconds limit);
  int port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringtrain
