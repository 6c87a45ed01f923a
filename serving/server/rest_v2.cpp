#include "serving/server/rest_v2.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "serving/server/infer_json.h"
#include "serving/server/rest.h"

namespace ringtrain {
namespace {

using nlohmann::json;
using rest::refuse;
using rest::reply;

/// "/v2/models/NAME/versions/3/infer" in its parts.
struct Target {
  std::string model, verb;  ///< verb: "", "ready", "infer", "config"
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

void infer(const ServedModels::Loaded& version, const HttpRequest& request,
           const HttpServer::Respond& respond) {
  std::int64_t header_length = -1;
  if (!request.inference_header_length.empty()) {
    const auto number = rest::number_of(request.inference_header_length);
    if (!number || *number < 0) throw DataError("Inference-Header-Content-Length is no number");
    header_length = *number;
  }
  auto parsed = parse_infer_request(request.body, header_length);
  const auto& manifest = version->predictor->manifest();
  auto rows = rows_of(parsed.inputs, manifest);
  require_outputs(wanted_outputs(parsed), manifest);
  parsed.inputs.clear();
  version->batcher->submit(
      std::move(rows), [version, respond, parsed = std::move(parsed)](const Predictor::Answers& answers,
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

bool all_ready(const ServedModels& models) {
  const auto names = models.names();
  return !names.empty() && std::all_of(names.begin(), names.end(),
                                       [&](const auto& name) { return models.find(name) != nullptr; });
}

}  // namespace

HttpReply RestV2::index() const {
  json list = json::array();
  for (const auto& name : models_.names())
    for (const auto& version : models_.versions_of(name))
      list.push_back({{"name", name},
                      {"version", std::to_string(version.number)},
                      {"state", version.state == "AVAILABLE" ? "READY" : "UNAVAILABLE"},
                      {"reason", version.problem}});
  return reply(200, list);
}

void RestV2::answer(const HttpRequest& request, const HttpServer::Respond& respond,
                    std::string& model) const {
  const auto& path = request.path;
  if (path == "/v2" || path == "/v2/")
    return respond(
        reply(200, {{"name", kServerName}, {"version", RINGTRAIN_VERSION}, {"extensions", kV2Extensions}}));
  if (path == "/v2/health/live") return respond(flag("live", true, ""));
  if (path == "/v2/health/ready") return respond(flag("ready", all_ready(models_), "a model is not loaded"));
  if (path == "/v2/repository/index") return respond(index());
  const auto target = parse(path);
  if (!target || (!target->verb.empty() && target->verb != "ready" && target->verb != "infer"))
    return respond(refuse(
        404,
        "there is /v2/models/NAME[/versions/N], …/ready, …/infer, /v2/health/live and /v2/health/ready"));
  const auto version = models_.find(target->model, target->which);
  if (target->verb == "ready" && is_known(models_, target->model, target->which))
    return respond(flag("ready", version != nullptr, "the version is not loaded"));
  if (!version) return respond(rest::no_version(models_, target->model, target->which));
  model = target->model;
  const bool infers = target->verb == "infer";
  if (request.method != (infers ? "POST" : "GET")) {
    auto refused = refuse(405, fmt::format("{} wants {}", path, infers ? "POST" : "GET"));
    refused.headers.emplace_back("Allow", infers ? "POST" : "GET");
    return respond(std::move(refused));
  }
  if (infers) return infer(version, request, respond);
  respond(metadata(models_, version));
}

}  // namespace ringtrain
