#pragma once

#include <rapidjson/document.h>

#include "serving/server/http_server.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// Answers a language model's part of a request of version 1: `rows` is an array of what TokenReader takes.
/// The rows go through the version's batcher, as many at a time as their logits may take memory. `respond`
/// gets {"predictions": [answer, …]}, or {"outputs": {key: [value, …]}} with `by_column`; an answer is what
/// `ringtrain predict` says. Throws DataError that names the row, and Overloaded; what fails later is
/// answered.
void answer_tokens(const ServedModels::Loaded& version, const rapidjson::Value& rows, bool by_column,
                   const std::shared_ptr<RequestContext>& context, const HttpServer::Respond& respond);

}  // namespace ringtrain
