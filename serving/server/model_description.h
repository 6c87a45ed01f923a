#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "serving/server/served_models.h"

/// What clients of the Open Inference Protocol ask of models besides answers, in JSON
/// (https://github.com/triton-inference-server/server/tree/main/docs/protocol). gRPC carries the same
/// (grpc_descriptions.h).
namespace ringtrain {

/// A version of the repository's index.
struct IndexEntry {
  std::string model, version, state, reason;  ///< state: "READY" or "UNAVAILABLE"
};
/// All versions, or those that are ready.
std::vector<IndexEntry> repository_index(const ServedModels& models, bool ready_only);

/// {"name", "platform", "backend", "max_batch_size": 0, "input": [{"name", "data_type", "dims"}], "output"}:
/// the dims have the rows, of any number, in front, as the metadata have.
nlohmann::json model_config(const LoadedVersion& version);

/// {"name", "version", "last_inference", "inference_count", "execution_count", "inference_stats",
/// "batch_stats": []}. Times are in nanoseconds.
nlohmann::json model_statistics(const LoadedVersion& version);

/// The versions whose statistics are asked for: that one, the model's loaded ones, or, of no name, all.
/// Empty: there is none.
std::vector<ServedModels::Loaded> versions_asked(const ServedModels& models, const std::string& name,
                                                 std::optional<std::int64_t> number);

}  // namespace ringtrain
