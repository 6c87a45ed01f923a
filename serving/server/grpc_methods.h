#pragma once

#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "serving/server/grpc_messages.h"
#include "serving/server/repository_control.h"
#include "serving/server/request_context.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// The methods of inference.GRPCInferenceService and grpc.health.v1.Health that take one message and give
/// one, without gRPC's calls.
class GrpcMethods {
 public:
  /// What a method answers: a message, or why not.
  using Reply = std::function<void(const grpc::Status&, std::string message)>;

  GrpcMethods(const ServedModels& models, RepositoryControl& repository)
      : models_(models), repository_(repository) {}

  /// `path`: "/inference.GRPCInferenceService/ModelInfer". `reply` is called once, now or later, from any
  /// thread. The context's model is set where there is one. Throws what status_of understands.
  void answer(std::string_view path, std::string_view message, const Reply& reply,
              const std::shared_ptr<RequestContext>& context) const;

 private:
  void answer_inference(std::string_view method, std::string_view message, const Reply& reply,
                        const std::shared_ptr<RequestContext>& context) const;
  void check_health(std::string_view message, const Reply& reply) const;
  void ready(std::string_view message, const Reply& reply) const;
  void infer(std::string_view message, const Reply& reply,
             const std::shared_ptr<RequestContext>& context) const;
  void describe(std::string_view method, std::string_view message, const Reply& reply) const;
  void change(std::string_view method, std::string_view message, const Reply& reply) const;
  ServedModels::Loaded find(const grpc_v2::ModelName& asked, const Reply& reply) const;
  std::string metadata(const LoadedVersion& version) const;

  const ServedModels& models_;
  RepositoryControl& repository_;
};

/// INVALID_ARGUMENT for DataError, RESOURCE_EXHAUSTED for Overloaded, else INTERNAL (and a line in the log).
grpc::Status status_of(const std::exception& error);

}  // namespace ringtrain
