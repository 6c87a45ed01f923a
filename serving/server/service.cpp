#include "serving/server/service.h"

#include <fmt/format.h>

#include "common/errors.h"
#include "common/log.h"
#include "openapi_json.h"
#include "page_html.h"
#include "serving/server/drift_watch.h"
#include "serving/server/rest.h"
#include "serving/server/rest_feedback.h"
#include "serving/server/rollouts.h"

namespace ringtrain {
namespace {

bool same(std::string_view a, std::string_view b) {
  unsigned different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    different |= static_cast<unsigned>(a[i] ^ b[b.empty() ? 0 : i % b.size()]);
  return different == 0;
}

/// What is answered without a token: health, and the page, which holds nothing of the models and asks for
/// one.
bool is_open(const std::string& path) {
  return path == "/" || path == "/healthz" || path.starts_with("/v2/health/");
}

}  // namespace

bool bears_token(const std::string& authorization, const std::vector<std::string>& tokens) {
  if (tokens.empty()) return true;
  constexpr std::string_view scheme = "Bearer ";
  if (!authorization.starts_with(scheme)) return false;
  const auto given = std::string_view(authorization).substr(scheme.size());
  bool good = false;
  for (const auto& token : tokens) good |= same(given, token);
  return good;
}

Service::Service(const ServedModels& models, Metrics& metrics, RepositoryControl& repository, Options options)
    : models_(models),
      metrics_(metrics),
      options_(std::move(options)),
      v1_(models),
      v2_(models, repository) {}

HttpReply Service::health() const {
  for (const auto& name : models_.names())
    if (models_.find(name)) return {200, "ok\n", "text/plain"};
  return {503, "no model is loaded\n", "text/plain"};
}

HttpReply Service::page(const HttpRequest& request) const {
  const auto& path = request.path;
  if (path != "/" && path != "/openapi.json" && path != "/metrics" && path != "/healthz")
    return rest::refuse(
        404, fmt::format("there is no {}; / lists the models, /openapi.json what can be asked", path));
  if (auto refused = rest::other_method(request, "GET")) return *refused;
  if (path == "/healthz") return health();
  if (path == "/openapi.json") return {200, kOpenApi};
  if (path == "/metrics")
    return {200,
            metrics_.text({connections_(), models_.waiting_rows()}) + rollout_metrics_of(models_) +
                drift_metrics_of(models_),
            "text/plain; version=0.0.4"};
  return {200,
          kPage,
          "text/html; charset=utf-8",
          {{"Content-Security-Policy",
            "default-src 'self'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
           {"X-Content-Type-Options", "nosniff"}}};
}

void Service::route(HttpRequest request, const HttpServer::Respond& respond,
                    const std::shared_ptr<RequestContext>& context) const {
  if (!is_open(request.path) && !bears_token(request.authorization, options_.tokens)) {
    auto refused = rest::refuse(401, "a token is needed: the header `Authorization: Bearer TOKEN`");
    refused.headers.emplace_back("WWW-Authenticate", "Bearer");
    return respond(std::move(refused));
  }
  const auto& encoding = request.content_encoding;
  if (encoding == "gzip" || encoding == "x-gzip")
    request.body = gunzip(request.body, options_.gunzip);
  else if (!encoding.empty() && encoding != "identity")
    return respond(rest::refuse(
        415,
        fmt::format("the encoding '{}' is not understood; send the body as it is, or by gzip", encoding)));
  if (request.path == "/v1/feedback") return respond(keep_feedback(request, models_, options_.log, metrics_));
  if (request.path == "/v1/rollouts")
    return respond(rest::other_method(request, "GET").value_or(rest::reply(200, tried_beside(models_))));
  if (request.path == "/v1/drift")
    return respond(rest::other_method(request, "GET").value_or(rest::reply(200, drift_of_models(models_))));
  if (context->protocol == "v1") return v1_.answer(std::move(request), respond, context);
  if (context->protocol == "v2") return v2_.answer(request, respond, context);
  respond(page(request));
}

void Service::answer(HttpRequest request, HttpServer::Respond respond) const {
  const bool v1 = request.path.starts_with("/v1/"), v2 = request.path.starts_with("/v2");
  const auto context = std::make_shared<RequestContext>();
  context->id = request_id(request.id);
  context->traceparent = well_formed_traceparent(request.traceparent);
  context->client = request.client;
  context->protocol = v1 ? "v1" : v2 ? "v2" : "http";
  context->method = request.method;
  context->path = request.path;
  context->bytes = request.body.size();
  // What cannot be answered at once is answered by another thread.
  respond = [context, respond = std::move(respond), this](HttpReply reply) {
    metrics_.answered(context->model, context->protocol, reply.status);
    if (!context->model.empty())
      if (const auto version =
              models_.find(context->model, context->version > 0 ? ServedModels::Which(context->version)
                                                                : ServedModels::Which()))
        version->metrics->seconds.Observe(context->seconds());
    if (options_.access_log) options_.access_log->add(*context, reply.status, reply.body.size());
    reply.headers.emplace_back("X-Request-Id", context->id);
    if (!context->traceparent.empty()) reply.headers.emplace_back("traceparent", context->traceparent);
    respond(std::move(reply));
  };
  try {
    route(std::move(request), respond, context);
  } catch (const std::exception& error) {
    respond(rest::refuse(error));
  }
}

}  // namespace ringtrain
