#include "serving/server/rest_v1.h"

#include <fmt/format.h>

#include "common/errors.h"
#include "serving/predict/json_text.h"
#include "serving/server/answers_json.h"
#include "serving/server/request_keys.h"
#include "serving/server/rest.h"
#include "serving/server/rollout_key.h"
#include "serving/server/rollouts.h"
#include "serving/server/rows_from_json.h"
#include "serving/server/token_request.h"

namespace ringtrain {
namespace {

using nlohmann::json;
using rest::refuse;
using rest::reply;

/// "/v1/models/NAME/versions/3:predict" in its parts.
struct Target {
  std::string model, verb;  ///< verb: "", "metadata", "predict", or what else stands behind the colon
  ServedModels::Which which;
};

std::optional<Target> parse(std::string_view path) {
  constexpr std::string_view prefix = "/v1/models/";
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  Target target;
  if (const auto colon = path.rfind(':'); colon != std::string_view::npos) {
    target.verb = path.substr(colon + 1);
    path = path.substr(0, colon);
  } else if (path.ends_with("/metadata")) {
    target.verb = "metadata";
    path.remove_suffix(std::string_view("/metadata").size());
  }
  constexpr std::string_view versions = "/versions/", labels = "/labels/";
  if (const auto at = path.find(versions); at != std::string_view::npos) {
    const auto number = rest::number_of(path.substr(at + versions.size()));
    if (!number) return std::nullopt;
    target.which = *number;
    path = path.substr(0, at);
  } else if (const auto label = path.find(labels); label != std::string_view::npos) {
    target.which = rest::decode_path(path.substr(label + labels.size()));
    path = path.substr(0, label);
  }
  if (path.empty() || path.find('/') != std::string_view::npos) return std::nullopt;
  target.model = rest::decode_path(path);
  return target;
}

HttpReply status_of(const ServedModels& models, const Target& target) {
  json list = json::array();
  const auto asked = models.find(target.model, target.which);
  for (const auto& version : models.versions_of(target.model)) {
    if (const auto* number = std::get_if<std::int64_t>(&target.which); number && *number != version.number)
      continue;
    if (std::holds_alternative<std::string>(target.which) && (!asked || asked->number != version.number))
      continue;
    list.push_back(
        {{"version", std::to_string(version.number)},
         {"state", version.state},
         {"status",
          {{"error_code", version.problem.empty() ? "OK" : "UNKNOWN"}, {"error_message", version.problem}}}});
  }
  if (list.empty()) return rest::no_version(models, target.model, target.which);
  return reply(200, {{"model_version_status", list}});
}

/// "instances" or "inputs". Throws DataError.
const char* form_of(const rapidjson::Document& request) {
  const bool by_row = request.IsObject() && request.HasMember("instances");
  const bool by_column = request.IsObject() && request.HasMember("inputs");
  if (by_row == by_column)
    throw DataError("expected {\"instances\": [row, …]} or {\"inputs\": {column: [value, …]}}, one of them");
  if (request.HasMember("signature_name")) {
    const auto& signature = request["signature_name"];
    const auto name = signature.IsString() ? text_of(signature) : "?";
    if (!name.empty() && name != "serving_default" && name != "predict")
      throw DataError(
          fmt::format("\"signature_name\": the model has serving_default, not {}", shown(signature)));
  }
  return by_row ? "instances" : "inputs";
}

}  // namespace

void RestV1::predict(const ServedModels::Loaded& found, const std::string& body,
                     const HttpServer::Respond& respond,
                     const std::shared_ptr<RequestContext>& context) const {
  auto document = parse_json(body);
  const std::string form = form_of(document);
  const bool by_column = form == "inputs";
  const auto version = side_of(models_, found, *context, [&](const std::string& column) {
    return take_key(document[form.c_str()], column, *found);
  });
  if (version->tokens) return answer_tokens(version, document[form.c_str()], by_column, context, respond);
  const auto& preprocessing = version->predictor->manifest().preprocessing;
  const auto read = [&](const auto& schema, const auto& reader) {
    return by_column ? rows_of_inputs(document["inputs"], schema, reader)
                     : rows_of_instances(document["instances"], schema, reader);
  };
  auto rows = version->tensors ? read(*preprocessing.signature, *version->tensors)
                               : read(preprocessing, *version->rows);
  if (version->log) {
    const auto& key = version->log->options().columns.key;
    context->keys =
        by_column ? keys_of_inputs(document["inputs"], key) : keys_of_instances(document["instances"], key);
  }
  version->answer(
      std::move(rows), *context,
      [version, respond, by_column](const Predictor::Answers& answers, const std::exception_ptr& error) {
        try {
          if (error) std::rethrow_exception(error);
          const auto& manifest = version->predictor->manifest();
          respond({200, by_column ? "{\"outputs\":" + answers_by_column(answers, manifest) + "}\n"
                                  : "{\"predictions\":" + answers_by_row(answers, manifest) + "}\n"});
        } catch (const std::exception& failure) {
          respond(refuse(failure));
        }
      });
}

void RestV1::answer(HttpRequest request, const HttpServer::Respond& respond,
                    const std::shared_ptr<RequestContext>& context) const {
  if (request.path == "/v1/models" || request.path == "/v1/models/")
    return respond(rest::other_method(request, "GET").value_or(reply(200, {{"models", models_.names()}})));
  const auto target = parse(request.path);
  if (!target)
    return respond(
        refuse(404,
               "there is /v1/models/NAME, /v1/models/NAME:predict, and the same with /versions/N or "
               "/labels/L; / lists the models"));
  if (models_.versions_of(target->model).empty())
    return respond(rest::no_version(models_, target->model, target->which));
  context->model = target->model;
  context->names_version = names_version(target->which);
  const bool predicts = target->verb == "predict";
  if (!target->verb.empty() && target->verb != "metadata" && !predicts)
    return respond(refuse(404, fmt::format("'{}' is not known; there is :predict", target->verb)));
  if (const auto refused = rest::other_method(request, predicts ? "POST" : "GET")) return respond(*refused);
  if (target->verb.empty()) return respond(status_of(models_, *target));
  const auto version = models_.find(target->model, target->which);
  if (!version) return respond(rest::no_version(models_, target->model, target->which));
  if (predicts) return predict(version, request.body, respond, context);
  respond(reply(200, {{"model_spec", {{"name", target->model}, {"version", std::to_string(version->number)}}},
                      {"metadata", version->predictor->manifest().to_json()}}));
}

}  // namespace ringtrain
