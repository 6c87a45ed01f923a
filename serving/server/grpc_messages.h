#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serving/server/infer_json.h"
#include "serving/server/model_ports.h"

/// The messages of the Open Inference Protocol's gRPC service, in protobuf's wire format
/// (https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto).
/// LibTorch's libraries show symbols of a protobuf of their own, so none is linked beside it. Readers throw
/// DataError.
namespace ringtrain::grpc_v2 {

struct ModelName {
  std::string name, version;
};
/// ModelReadyRequest, ModelMetadataRequest.
ModelName read_model_name(std::string_view message);

struct ModelInfer {
  ModelName model;
  InferRequest request;
};
ModelInfer read_infer_request(std::string_view message);

/// A message with one bool in field 1: ServerLiveResponse, ServerReadyResponse, ModelReadyResponse.
std::string write_flag(bool value);
std::string write_server_metadata(const std::string& name, const std::string& version,
                                  const std::vector<std::string>& extensions);
std::string write_model_metadata(const std::string& name, const std::vector<std::string>& versions,
                                 const std::vector<Port>& inputs, const std::vector<Port>& outputs);
/// ModelInferResponse; the tensors' values are in raw_output_contents.
std::string write_infer_response(const std::string& model, std::int64_t version, const std::string& id,
                                 const std::vector<InferTensor>& outputs);

}  // namespace ringtrain::grpc_v2
