#include "serving/server/rest_v2.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "serving/server/infer_json.h"
#include "serving/server/model_description.h"
#include "serving/server/request_keys.h"
#include "serving/server/rest.h"
#include "serving/server/rollout_key.h"
#include "serving/server/rollouts.h"

namespace ringtrain {
namespace {

using nlohmann::json;
using rest::refuse;
using rest::reply;

/// "/v2/models/NAME/versions/3/infer" in its parts.
struct Target {
  std::string model, verb;  ///< verb: "", "ready", "infer", "config", "stats"
  ServedModels::Which which;
};

std::optional<Target> parse(std::string_view path) {
  constexpr std::string_view prefix = "/v2/models/";
  if (!path.starts_with(prefix)) return std::nullopt;
  std::vector<std::string> parts;
  for (path.remove_prefix(prefix.size());;) {
    const auto slash = path.find('/');
    parts.push_back(rest::decode_path(path.substr(0, slash)));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  if (parts.front().empty()) return std::nullopt;
  Target target{parts.front(), "", {}};
  std::size_t next = 1;
  if (next + 1 < parts.size() && parts[next] == "versions") {
    const auto number = rest::number_of(parts[next + 1]);
    if (!number) return std::nullopt;
    target.which = *number;
    next += 2;
  }
  if (next < parts.size()) target.verb = parts[next++];
  return next == parts.size() ? std::optional(target) : std::nullopt;
}

bool is_verb(std::string_view word) {
  constexpr std::string_view verbs[] = {"", "ready", "infer", "config", "stats"};
  return std::find(std::begin(verbs), std::end(verbs), word) != std::end(verbs);
}

/// What is asked of the server, not of a model.
bool is_server_path(std::string_view path) {
  constexpr std::string_view paths[] = {"/v2", "/v2/", "/v2/health/live", "/v2/health/ready"};
  return std::find(std::begin(paths), std::end(paths), path) != std::end(paths);
}

json described(const std::vector<Port>& ports) {
  json list = json::array();
  for (const auto& port : ports)
    list.push_back({{"name", port.name}, {"datatype", port.datatype}, {"shape", port.shape}});
  return list;
}

HttpReply metadata(const ServedModels& models, const ServedModels::Loaded& version) {
  json versions = json::array();
  for (const auto& one : models.versions_of(version->model))
    if (one.state == "AVAILABLE") versions.push_back(std::to_string(one.number));
  const auto& manifest = version->predictor->manifest();
  return reply(200, {{"name", version->model},
                     {"versions", versions},
                     {"platform", "pytorch_libtorch"},
                     {"inputs", described(input_ports(manifest))},
                     {"outputs", described(output_ports(manifest))}});
}

void infer(const ServedModels& models, const ServedModels::Loaded& found, const HttpRequest& request,
           const HttpServer::Respond& respond, const std::shared_ptr<RequestContext>& context) {
  std::int64_t header_length = -1;
  if (!request.inference_header_length.empty()) {
    const auto number = rest::number_of(request.inference_header_length);
    if (!number || *number < 0) throw DataError("Inference-Header-Content-Length is no number");
    header_length = *number;
  }
  auto parsed = parse_infer_request(request.body, header_length);
  if (request.id.empty() && !parsed.id.empty()) context->id = request_id(parsed.id);
  const auto version = side_of(models, found, *context, [&](const std::string& column) {
    return take_key(parsed.inputs, column, *found);
  });
  const auto& manifest = version->predictor->manifest();
  if (version->log)
    context->keys = take_keys(parsed.inputs, version->log->options().columns.key, manifest.preprocessing);
  auto rows = rows_of(parsed.inputs, manifest);
  require_outputs(wanted_outputs(parsed), manifest);
  parsed.inputs.clear();
  version->answer(
      std::move(rows), *context,
      [version, respond, parsed = std::move(parsed)](const Predictor::Answers& answers,
                                                     const std::exception_ptr& error) {
        try {
          if (error) std::rethrow_exception(error);
          respond(infer_reply(parsed, version->model, version->number,
                              tensors_of(answers, version->predictor->manifest(), wanted_outputs(parsed))));
        } catch (const std::exception& failure) {
          respond(refuse(failure));
        }
      });
}

/// {"ready": true}, as KServe's clients read it; Triton's look at the status alone.
HttpReply flag(const char* name, bool good, const std::string& problem) {
  json body{{name, good}};
  if (!good) body["error"] = problem;
  return reply(good ? 200 : 503, body);
}

bool is_known(const ServedModels& models, const std::string& name, const ServedModels::Which& which) {
  const auto list = models.versions_of(name);
  const auto* number = std::get_if<std::int64_t>(&which);
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& one) { return !number || one.number == *number; });
}

HttpReply statistics(const ServedModels& models, const std::string& name,
                     const ServedModels::Which& which = {}) {
  const auto* number = std::get_if<std::int64_t>(&which);
  const auto versions = versions_asked(models, name, number ? std::optional(*number) : std::nullopt);
  if (versions.empty() && !name.empty()) return rest::no_version(models, name, which);
  json list = json::array();
  for (const auto& version : versions) list.push_back(model_statistics(*version));
  return reply(200, {{"model_stats", list}});
}

/// A body that may be left out. Throws DataError.
json optional_object(const std::string& body) {
  if (body.empty()) return json::object();
  auto value = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) throw DataError("the body is no JSON object");
  return value;
}

HttpReply index(const ServedModels& models, const std::string& body) {
  const auto asked = optional_object(body);
  const auto ready = asked.find("ready");
  json list = json::array();
  for (const auto& one : repository_index(models, ready != asked.end() && *ready == true))
    list.push_back(
        {{"name", one.model}, {"version", one.version}, {"state", one.state}, {"reason", one.reason}});
  return reply(200, list);
}

/// "/v2/repository/models/NAME/load".
void change(RepositoryControl& repository, const HttpRequest& request, const HttpServer::Respond& respond) {
  constexpr std::string_view prefix = "/v2/repository/models/";
  const auto path = std::string_view(request.path).substr(prefix.size());
  const auto slash = path.find('/');
  const auto verb = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  if (verb != "load" && verb != "unload")
    return respond(refuse(404, "there is /v2/repository/models/NAME/load and …/unload"));
  if (const auto refused = rest::other_method(request, "POST")) return respond(*refused);
  rest::require_own_origin(request);
  const auto asked = optional_object(request.body);
  const auto parameters = asked.find("parameters");
  if (parameters != asked.end() && parameters->is_object())
    for (const auto& [name, value] : parameters->items())
      if (name == "config" || name.starts_with("file:"))
        throw DataError(
            fmt::format("the parameter '{}' is not taken: a model is served as it was exported", name));
  const auto done = [respond](const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
      respond({200, ""});
    } catch (const std::exception& failure) {
      respond(refuse(failure));
    }
  };
  const auto name = rest::decode_path(path.substr(0, slash));
  verb == "load" ? repository.load(name, done) : repository.unload(name, done);
}

}  // namespace

void RestV2::answer(const HttpRequest& request, const HttpServer::Respond& respond,
                    const std::shared_ptr<RequestContext>& context) const {
  const auto& path = request.path;
  if (path.starts_with("/v2/repository/models/")) return change(repository_, request, respond);
  if (path == "/v2/repository/index") {
    if (request.method != "GET" && request.method != "POST")
      return respond(*rest::other_method(request, "POST"));
    return respond(index(models_, request.body));
  }
  const auto target = parse(path);
  if (!is_server_path(path) && (!target || !is_verb(target->verb)))
    return respond(refuse(404,
                          "there is /v2/models/NAME[/versions/N], …/ready, …/config, …/stats, …/infer, "
                          "/v2/health/live and /v2/health/ready"));
  const bool infers = target && target->verb == "infer";
  if (const auto refused = rest::other_method(request, infers ? "POST" : "GET")) return respond(*refused);
  if (path == "/v2" || path == "/v2/")
    return respond(
        reply(200, {{"name", kServerName}, {"version", RINGTRAIN_VERSION}, {"extensions", kV2Extensions}}));
  if (path == "/v2/health/live") return respond(flag("live", true, ""));
  if (path == "/v2/health/ready") return respond(flag("ready", models_.all_ready(), "a model is not loaded"));
  if (path == "/v2/models/stats" && models_.versions_of("stats").empty())
    return respond(statistics(models_, ""));
  const auto version = models_.find(target->model, target->which);
  if (target->verb == "ready" && is_known(models_, target->model, target->which))
    return respond(flag("ready", version != nullptr, "the version is not loaded"));
  if (!version) return respond(rest::no_version(models_, target->model, target->which));
  context->model = target->model;
  context->names_version = names_version(target->which);
  if (infers) return infer(models_, version, request, respond, context);
  if (target->verb == "stats") return respond(statistics(models_, target->model, target->which));
  if (target->verb == "config") return respond(reply(200, model_config(*version)));
  respond(metadata(models_, version));
}

}  // namespace ringtrain
