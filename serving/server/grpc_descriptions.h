#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "serving/server/model_description.h"

/// What a server tells of itself and its models, in protobuf's wire format: the repository, configurations
/// and statistics of inference.GRPCInferenceService (proto/inference.proto), and grpc.health.v1. Readers
/// throw DataError.
namespace ringtrain::grpc_v2 {

/// HealthCheckResponse: SERVING or NOT_SERVING.
std::string write_health(bool is_serving);

/// RepositoryIndexRequest: whether ready versions alone are wanted.
bool read_index_request(std::string_view message);
std::string write_repository_index(const std::vector<IndexEntry>& index);

/// RepositoryModelLoadRequest, RepositoryModelUnloadRequest.
struct ChangeRequest {
  std::string model;
  std::vector<std::string> parameters;  ///< their names
};
ChangeRequest read_change_request(std::string_view message);

/// ModelConfigResponse, of what model_config says.
std::string write_config(const nlohmann::json& config);
/// ModelStatisticsResponse, of what model_statistics says.
std::string write_statistics(const std::vector<ServedModels::Loaded>& versions);

}  // namespace ringtrain::grpc_v2
