#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "serving/server/access_log.h"
#include "serving/server/gzip.h"
#include "serving/server/http_server.h"
#include "serving/server/metrics.h"
#include "serving/server/repository_control.h"
#include "serving/server/rest_v1.h"
#include "serving/server/rest_v2.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// Whether an `Authorization` header bears one of the tokens ("Bearer TOKEN"); always when there is no token.
/// Takes as long for a wrong token as for a right one.
bool bears_token(const std::string& authorization, const std::vector<std::string>& tokens);

/// All that a server answers over HTTP: /v1, /v2, /metrics, /healthz, a page at / and /openapi.json. With
/// tokens, only health and the page, which asks for one, are answered without.
class Service {
 public:
  struct Options {
    std::vector<std::string> tokens;
    GunzipLimits gunzip;  ///< of bodies that are packed
    AccessLog* access_log = nullptr;
    RequestLog* log = nullptr;  ///< takes feedback
  };
  /// All but the options outlive it.
  Service(const ServedModels& models, Metrics& metrics, RepositoryControl& repository, Options options);
  void answer(HttpRequest request, HttpServer::Respond respond) const;
  /// For /metrics; set before the first request.
  void count_connections(std::function<std::size_t()> connections) { connections_ = std::move(connections); }

 private:
  HttpReply page(const HttpRequest& request) const;
  HttpReply health() const;
  void route(HttpRequest request, const HttpServer::Respond& respond,
             const std::shared_ptr<RequestContext>& context) const;

  const ServedModels& models_;
  Metrics& metrics_;
  const Options options_;
  RestV1 v1_;
  RestV2 v2_;
  std::function<std::size_t()> connections_ = [] { return std::size_t{0}; };
};

}  // namespace ringtrain
