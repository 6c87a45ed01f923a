#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "serving/server/http_server.h"
#include "serving/server/served_models.h"

/// What the REST interfaces share.
namespace ringtrain::rest {

HttpReply reply(int status, const nlohmann::json& body);
HttpReply refuse(int status, const std::string& text);

/// The status and text of an error that answering a request ended with: 400 for DataError, 413 for TooLarge,
/// 503 for Overloaded, else 500 (and a line in the log).
HttpReply refuse(const std::exception& error);

/// Why there is no such version: 404 with the names that are meant, 503 where none could be loaded.
HttpReply no_version(const ServedModels& models, const std::string& name, const ServedModels::Which& which);

/// A refusal (405) where a request has another method than a path wants, "GET" or "POST".
std::optional<HttpReply> other_method(const HttpRequest& request, const std::string& wanted);

/// Throws DataError where a page of another site has sent a request that changes something: a browser sends
/// such requests for anybody.
void require_own_origin(const HttpRequest& request);

/// The version that a path names: digits only. Empty: it is no number.
std::optional<std::int64_t> number_of(std::string_view digits);

/// Undoes %41. Throws DataError.
std::string decode_path(std::string_view path);

}  // namespace ringtrain::rest
