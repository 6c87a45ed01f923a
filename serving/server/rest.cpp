#include "serving/server/rest.h"

#include <fmt/format.h>

#include <charconv>

#include "common/errors.h"
#include "common/log.h"
#include "common/text.h"
#include "serving/server/gzip.h"

namespace ringtrain::rest {

using nlohmann::json;

HttpReply reply(int status, const json& body) {
  return {status, body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
}

HttpReply refuse(int status, const std::string& text) { return reply(status, {{"error", text}}); }

HttpReply refuse(const std::exception& error) {
  if (dynamic_cast<const DataError*>(&error)) return refuse(400, error.what());
  if (dynamic_cast<const TooLarge*>(&error)) return refuse(413, error.what());
  if (dynamic_cast<const Overloaded*>(&error)) return refuse(503, error.what());
  log::error(error.what());
  return refuse(500, fmt::format("the model could not answer: {}", error.what()));
}

HttpReply no_version(const ServedModels& models, const std::string& name, const ServedModels::Which& which) {
  const auto known = models.versions_of(name);
  if (known.empty()) {
    const auto names = models.names();
    return refuse(404, fmt::format("there is no model '{}'; there are: {}.{}", name, join(names),
                                   did_you_mean(name, names)));
  }
  if (const auto* number = std::get_if<std::int64_t>(&which))
    return refuse(404, fmt::format("version {} of model {} is not loaded", *number, name));
  if (const auto* label = std::get_if<std::string>(&which))
    return refuse(404, fmt::format("model {} has no loaded version with the label '{}'", name, *label));
  return refuse(
      503, fmt::format("no version of model {} could be loaded; GET /v1/models/{} says why", name, name));
}

std::optional<HttpReply> other_method(const HttpRequest& request, const std::string& wanted) {
  if (request.method == wanted) return std::nullopt;
  auto refused = refuse(405, fmt::format("{} wants {}", request.path, wanted));
  refused.headers.emplace_back("Allow", wanted == "GET" ? "GET, HEAD" : wanted);
  return refused;
}

void require_own_origin(const HttpRequest& request) {
  const auto& origin = request.origin;
  const auto scheme = origin.find("://");
  if (origin.empty() || (scheme != std::string::npos && origin.substr(scheme + 3) == request.host)) return;
  throw DataError(fmt::format("a page of another site ({}) may not ask for this", origin));
}

std::optional<std::int64_t> number_of(std::string_view digits) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::string decode_path(std::string_view path) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      text += path[i];
      continue;
    }
    unsigned value = 0;
    const auto* digits = path.data() + i + 1;
    if (i + 2 >= path.size()) throw DataError("the path ends in the middle of a %");
    const auto [end, error] = std::from_chars(digits, digits + 2, value, 16);
    if (error != std::errc() || end != digits + 2)
      throw DataError("the path has a % that is followed by no two digits");
    text += static_cast<char>(value);
    i += 2;
  }
  return text;
}

}  // namespace ringtrain::rest
