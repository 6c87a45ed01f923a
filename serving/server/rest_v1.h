#pragma once

#include "serving/server/http_server.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// TensorFlow Serving's REST interface, version 1 (https://www.tensorflow.org/tfx/serving/api_rest):
///   GET  /v1/models/NAME[/versions/N|/labels/L]            which versions there are, and their state
///   GET  /v1/models/NAME[/versions/N|/labels/L]/metadata   the manifest
///   POST /v1/models/NAME[/versions/N|/labels/L]:predict    {"instances": [row, …]} → {"predictions":
///   [answer, …]},
///                                                or {"inputs": {column: [value, …]}} → {"outputs": {key:
///                                                [value, …]}}
/// and GET /v1/models, the names of the models (as KServe). A row is what `ringtrain predict
/// --json-instances` takes. A request with a row that cannot be answered fails as a whole, with 400 and the
/// row.
class RestV1 {
 public:
  explicit RestV1(const ServedModels& models) : models_(models) {}
  /// `path` begins with /v1/. The context's model is set where there is one.
  void answer(HttpRequest request, const HttpServer::Respond& respond,
              const std::shared_ptr<RequestContext>& context) const;

 private:
  void predict(const ServedModels::Loaded& found, const std::string& body, const HttpServer::Respond& respond,
               const std::shared_ptr<RequestContext>& context) const;
  const ServedModels& models_;
};

}  // namespace ringtrain
