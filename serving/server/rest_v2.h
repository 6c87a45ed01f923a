#pragma once

#include "serving/server/http_server.h"
#include "serving/server/repository_control.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// The Open Inference Protocol, version 2, as KServe and Triton speak it
/// (https://github.com/kserve/open-inference-protocol), with Triton's binary tensor extension
/// (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md):
///   GET  /v2, /v2/health/live, /v2/health/ready
///   GET  /v2/models/NAME[/versions/N], …/ready
///   POST /v2/models/NAME[/versions/N]/infer
///   GET  /v2/models/stats, /v2/models/NAME[/versions/N]/stats, …/config
///   POST /v2/repository/index, /v2/repository/models/NAME/load, …/unload
class RestV2 {
 public:
  RestV2(const ServedModels& models, RepositoryControl& repository)
      : models_(models), repository_(repository) {}
  /// `path` is /v2 or begins with /v2/. The context's model is set where there is one.
  void answer(const HttpRequest& request, const HttpServer::Respond& respond,
              const std::shared_ptr<RequestContext>& context) const;

 private:
  const ServedModels& models_;
  RepositoryControl& repository_;
};

/// What GET /v2 says, for the gRPC service too.
inline constexpr const char* kServerName = "ringtrain";
inline constexpr const char* kV2Extensions[] = {"binary_tensor_data", "classification", "model_configuration",
                                                "model_repository", "statistics"};

}  // namespace ringtrain
