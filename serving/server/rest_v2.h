#pragma once

#include "serving/server/http_server.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// The Open Inference Protocol, version 2, as KServe and Triton speak it
/// (https://github.com/kserve/open-inference-protocol), with Triton's binary tensor extension
/// (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md):
///   GET  /v2, /v2/health/live, /v2/health/ready
///   GET  /v2/models/NAME[/versions/N], …/ready
///   POST /v2/models/NAME[/versions/N]/infer
///   POST /v2/repository/index
class RestV2 {
 public:
  explicit RestV2(const ServedModels& models) : models_(models) {}
  /// `path` is /v2 or begins with /v2/. `model` is set to the model's name where there is one.
  void answer(const HttpRequest& request, const HttpServer::Respond& respond, std::string& model) const;

 private:
  HttpReply index() const;
  const ServedModels& models_;
};

/// What GET /v2 says, for the gRPC service too.
inline constexpr const char* kServerName = "ringtrain";
inline constexpr const char* kV2Extensions[] = {"binary_tensor_data", "model_repository"};

}  // namespace ringtrain
