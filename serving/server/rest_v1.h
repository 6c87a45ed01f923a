#pragma once

#include "serving/server/http_server.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// TensorFlow Serving's REST interface, version 1 (https://www.tensorflow.org/tfx/serving/api_rest):
///   GET  /v1/models/NAME[/versions/N]            which versions there are, and their state
///   GET  /v1/models/NAME[/versions/N]/metadata   the manifest
///   POST /v1/models/NAME[/versions/N]:predict    {"instances": [row, …]} → {"predictions": [answer, …]}, or
///                                                {"inputs": {column: [value, …]}} → {"outputs": {key:
///                                                [value, …]}}
/// A row is what `ringtrain predict --json-instances` takes. A request with a row that cannot be answered
/// fails as a whole, with 400 and the row. Beside it GET /healthz (200 while a model is loaded, else 503) and
/// GET /, the names of the models.
HttpReply answer_rest_v1(const ServedModels& models, const HttpRequest& request);

}  // namespace ringtrain
