#include "serving/server/rest_v1.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string_view>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

using nlohmann::json;

HttpReply reply(int status, const json& body) {
  return {status, body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
}

HttpReply refuse(int status, const std::string& text) { return reply(status, {{"error", text}}); }

/// "/v1/models/NAME/versions/3:predict" in its parts.
struct Target {
  std::string model, verb;  ///< verb: "", "metadata", "predict", or what else stands behind the colon
  std::optional<std::int64_t> version;
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
  constexpr std::string_view versions = "/versions/";
  if (const auto at = path.find(versions); at != std::string_view::npos) {
    const auto digits = path.substr(at + versions.size());
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    target.version = number;
    path = path.substr(0, at);
  }
  if (path.empty() || path.find('/') != std::string_view::npos) return std::nullopt;
  target.model = path;
  return target;
}

/// {"a": [1, 2], "b": [3, 4]} as rows; a text names what is wrong.
json rows_of(const json& inputs) {
  if (!inputs.is_object() || inputs.empty())
    throw DataError("\"inputs\": expected an object of columns, {\"Amount\": [1.5, 2.0]}");
  json rows = json::array();
  std::size_t size = 0;
  for (const auto& [name, column] : inputs.items()) {
    if (!column.is_array()) throw DataError(fmt::format("\"inputs\": column '{}' is no array", name));
    if (rows.empty()) {
      size = column.size();
      for (std::size_t i = 0; i < size; ++i) rows.push_back(json::object());
    }
    if (column.size() != size)
      throw DataError(
          fmt::format("\"inputs\": column '{}' has {} values, others {}", name, column.size(), size));
    for (std::size_t i = 0; i < size; ++i) rows[i][name] = column[i];
  }
  return rows;
}

json answers_to(const Predictor& predictor, const json& rows) {
  std::ostringstream lines;
  for (const auto& row : rows) {
    if (!row.is_object() && !row.is_array())
      throw DataError("a row is an object by column names, or an array in the model's order");
    lines << row.dump() << '\n';
  }
  std::istringstream in(lines.str());
  std::ostringstream out;
  predict_json_lines(predictor, in, out, {});
  json answers = json::array();
  std::istringstream answered(out.str());
  for (std::string line; std::getline(answered, line);) {
    answers.push_back(json::parse(line));
    if (answers.back().contains("error")) throw DataError(answers.back()["error"].get<std::string>());
  }
  return answers;
}

json columns_of(const json& answers) {
  json columns = json::object();
  for (const auto& answer : answers)
    for (const auto& [name, value] : answer.items()) columns[name].push_back(value);
  return columns;
}

HttpReply predict(const Predictor& predictor, const std::string& body) {
  // Bounded in depth: the parser recurses.
  json request;
  try {
    request = json::parse(body, [](int depth, json::parse_event_t, json&) {
      if (depth > 16) throw DataError("the JSON is nested deeper than 16 levels");
      return true;
    });
  } catch (const json::exception& error) {
    return refuse(400, fmt::format("the body is not JSON: {}", error.what()));
  } catch (const DataError& error) {
    return refuse(400, error.what());
  }
  const bool by_row = request.is_object() && request.contains("instances");
  const bool by_column = request.is_object() && request.contains("inputs");
  if (by_row == by_column)
    return refuse(400,
                  "expected {\"instances\": [row, …]} or {\"inputs\": {column: [value, …]}}, one of them");
  try {
    if (by_column)
      return reply(200, {{"outputs", columns_of(answers_to(predictor, rows_of(request["inputs"])))}});
    if (!request["instances"].is_array() || request["instances"].empty())
      return refuse(400, "\"instances\": expected an array of rows");
    return reply(200, {{"predictions", answers_to(predictor, request["instances"])}});
  } catch (const DataError& error) {
    return refuse(400, error.what());
  }
}

HttpReply status_of(const ServedModels& models, const Target& target) {
  json list = json::array();
  for (const auto& version : models.versions_of(target.model)) {
    if (target.version && *target.version != version.number) continue;
    const bool good = version.predictor != nullptr;
    list.push_back(
        {{"version", std::to_string(version.number)},
         {"state", good ? "AVAILABLE" : "END"},
         {"status", {{"error_code", good ? "OK" : "UNKNOWN"}, {"error_message", version.problem}}}});
  }
  if (list.empty())
    return refuse(
        404, fmt::format("there is no version {} of model {}", target.version.value_or(0), target.model));
  return reply(200, {{"model_version_status", list}});
}

HttpReply of_model(const ServedModels& models, const HttpRequest& request, const Target& target) {
  if (models.versions_of(target.model).empty()) {
    const auto names = models.names();
    return refuse(404, fmt::format("there is no model '{}'; there are: {}.{}", target.model, join(names),
                                   did_you_mean(target.model, names)));
  }
  const bool predicts = target.verb == "predict";
  if (!target.verb.empty() && target.verb != "metadata" && !predicts)
    return refuse(404, fmt::format("'{}' is not known; there is :predict", target.verb));
  if (request.method != (predicts ? "POST" : "GET"))
    return refuse(405, fmt::format("{} wants {}", request.path, predicts ? "POST" : "GET"));
  if (target.verb.empty()) return status_of(models, target);
  const auto live = models.find(target.model, target.version);
  if (!live) {
    if (target.version)
      return refuse(404, fmt::format("version {} of model {} is not loaded", *target.version, target.model));
    return refuse(503, fmt::format("no version of model {} could be loaded; GET /v1/models/{} says why",
                                   target.model, target.model));
  }
  if (predicts) return predict(*live->predictor, request.body);
  return reply(200, {{"model_spec", {{"name", target.model}, {"version", std::to_string(live->number)}}},
                     {"metadata", live->predictor->manifest().to_json()}});
}

}  // namespace

HttpReply answer_rest_v1(const ServedModels& models, const HttpRequest& request) {
  const auto names = models.names();
  if (request.path == "/healthz") {
    for (const auto& name : names)
      if (models.find(name)) return {200, "ok\n", "text/plain"};
    return {503, "no model is loaded\n", "text/plain"};
  }
  if (request.path == "/") return reply(200, {{"models", names}});
  const auto target = parse(request.path);
  if (!target)
    return refuse(404,
                  "there is /v1/models/NAME, /v1/models/NAME:predict, and the same with /versions/N; / lists "
                  "the models");
  return of_model(models, request, *target);
}

}  // namespace ringtrain
