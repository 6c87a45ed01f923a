#include "serving/server/grpc_methods.h"

#include <fmt/format.h>

#include "common/errors.h"
#include "common/log.h"
#include "serving/server/grpc_descriptions.h"
#include "serving/server/request_keys.h"
#include "serving/server/rest.h"
#include "serving/server/rest_v2.h"
#include "serving/server/rollout_key.h"
#include "serving/server/rollouts.h"

namespace ringtrain {
namespace {

using grpc::Status;
using grpc::StatusCode;

constexpr std::string_view kInference = "/inference.GRPCInferenceService/";

StatusCode code_of(int http_status) {
  if (http_status == 404) return StatusCode::NOT_FOUND;
  if (http_status == 503) return StatusCode::UNAVAILABLE;
  return StatusCode::INTERNAL;
}

/// Throws DataError.
ServedModels::Which which_of(const grpc_v2::ModelName& asked) {
  if (asked.version.empty()) return {};
  const auto number = rest::number_of(asked.version);
  if (!number) throw DataError(fmt::format("model_version: expected a number, got '{}'", asked.version));
  return *number;
}

}  // namespace

Status status_of(const std::exception& error) {
  if (dynamic_cast<const DataError*>(&error)) return {StatusCode::INVALID_ARGUMENT, error.what()};
  if (dynamic_cast<const Overloaded*>(&error)) return {StatusCode::RESOURCE_EXHAUSTED, error.what()};
  log::error(error.what());
  return {StatusCode::INTERNAL, error.what()};
}

void GrpcMethods::answer(std::string_view path, std::string_view message, const Reply& reply,
                         const std::shared_ptr<RequestContext>& context) const {
  if (path == "/grpc.health.v1.Health/Check") return check_health(message, reply);
  if (path.starts_with(kInference))
    return answer_inference(path.substr(kInference.size()), message, reply, context);
  reply({StatusCode::UNIMPLEMENTED, fmt::format("there is no {}", path)}, "");
}

void GrpcMethods::answer_inference(std::string_view method, std::string_view message, const Reply& reply,
                                   const std::shared_ptr<RequestContext>& context) const {
  if (method == "ServerLive") return reply(Status::OK, grpc_v2::write_flag(true));
  if (method == "ServerReady") return reply(Status::OK, grpc_v2::write_flag(models_.all_ready()));
  if (method == "ServerMetadata")
    return reply(Status::OK,
                 grpc_v2::write_server_metadata(kServerName, RINGTRAIN_VERSION,
                                                {std::begin(kV2Extensions), std::end(kV2Extensions)}));
  if (method == "ModelInfer") return infer(message, reply, context);
  if (method == "ModelReady") return ready(message, reply);
  if (method == "RepositoryModelLoad" || method == "RepositoryModelUnload")
    return change(method, message, reply);
  describe(method, message, reply);
}

/// As grpc_health_probe asks: of "" or of the service, the whole server's state
/// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
void GrpcMethods::check_health(std::string_view message, const Reply& reply) const {
  const auto service = grpc_v2::read_model_name(message).name;
  if (!service.empty() && service != "inference.GRPCInferenceService" && service != "grpc.health.v1.Health")
    return reply({StatusCode::NOT_FOUND, fmt::format("there is no service '{}'", service)}, "");
  reply(Status::OK, grpc_v2::write_health(models_.all_ready()));
}

void GrpcMethods::ready(std::string_view message, const Reply& reply) const {
  const auto asked = grpc_v2::read_model_name(message);
  const auto version = models_.find(asked.name, which_of(asked));
  // A model that is known is ready or not; of another one that cannot be said.
  if (!version && models_.versions_of(asked.name).empty()) return void(find(asked, reply));
  reply(Status::OK, grpc_v2::write_flag(version != nullptr));
}

void GrpcMethods::describe(std::string_view method, std::string_view message, const Reply& reply) const {
  if (method == "RepositoryIndex")
    return reply(Status::OK, grpc_v2::write_repository_index(
                                 repository_index(models_, grpc_v2::read_index_request(message))));
  const bool statistics = method == "ModelStatistics", config = method == "ModelConfig";
  if (!statistics && !config && method != "ModelMetadata")
    return reply({StatusCode::UNIMPLEMENTED, fmt::format("there is no method {}", method)}, "");
  const auto asked = grpc_v2::read_model_name(message);
  if (statistics && asked.name.empty())
    return reply(Status::OK, grpc_v2::write_statistics(versions_asked(models_, "", std::nullopt)));
  const auto version = find(asked, reply);
  if (!version) return;
  if (config) return reply(Status::OK, grpc_v2::write_config(model_config(*version)));
  if (!statistics) return reply(Status::OK, metadata(*version));
  const auto number = asked.version.empty() ? std::nullopt : std::optional(version->number);
  reply(Status::OK, grpc_v2::write_statistics(versions_asked(models_, asked.name, number)));
}

void GrpcMethods::change(std::string_view method, std::string_view message, const Reply& reply) const {
  const auto asked = grpc_v2::read_change_request(message);
  for (const auto& name : asked.parameters)
    if (name == "config" || name.starts_with("file:"))
      throw DataError(
          fmt::format("the parameter '{}' is not taken: a model is served as it was exported", name));
  const auto done = [reply](const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
      reply(Status::OK, "");
    } catch (const std::exception& failure) {
      reply(status_of(failure), "");
    }
  };
  method == "RepositoryModelLoad" ? repository_.load(asked.model, done)
                                  : repository_.unload(asked.model, done);
}

/// Null: `reply` was told why.
ServedModels::Loaded GrpcMethods::find(const grpc_v2::ModelName& asked, const Reply& reply) const {
  const auto which = which_of(asked);
  auto version = models_.find(asked.name, which);
  if (!version) {
    const auto why = rest::no_version(models_, asked.name, which);
    reply({code_of(why.status), nlohmann::json::parse(why.body)["error"].get<std::string>()}, "");
  }
  return version;
}

std::string GrpcMethods::metadata(const LoadedVersion& version) const {
  std::vector<std::string> versions;
  for (const auto& one : models_.versions_of(version.model))
    if (one.state == "AVAILABLE") versions.push_back(std::to_string(one.number));
  const auto& manifest = version.predictor->manifest();
  return grpc_v2::write_model_metadata(version.model, versions, input_ports(manifest),
                                       output_ports(manifest));
}

void GrpcMethods::infer(std::string_view message, const Reply& reply,
                        const std::shared_ptr<RequestContext>& context) const {
  auto asked = grpc_v2::read_infer_request(message);
  const auto found = find(asked.model, reply);
  if (!found) return;
  context->model = found->model;
  context->names_version = names_version(which_of(asked.model));
  const auto version = side_of(models_, found, *context, [&](const std::string& column) {
    return take_key(asked.request.inputs, column, *found);
  });
  const auto& manifest = version->predictor->manifest();
  if (version->log)
    context->keys =
        take_keys(asked.request.inputs, version->log->options().columns.key, manifest.preprocessing);
  auto rows = rows_of(asked.request.inputs, manifest);
  auto wanted = wanted_outputs(asked.request);
  require_outputs(wanted, manifest);
  version->answer(std::move(rows), *context,
                  [version, reply, wanted = std::move(wanted), id = asked.request.id](
                      const Predictor::Answers& answers, const std::exception_ptr& error) {
                    try {
                      if (error) std::rethrow_exception(error);
                      const auto outputs = tensors_of(answers, version->predictor->manifest(), wanted);
                      reply(Status::OK,
                            grpc_v2::write_infer_response(version->model, version->number, id, outputs));
                    } catch (const std::exception& failure) {
                      reply(status_of(failure), "");
                    }
                  });
}

}  // namespace ringtrain
