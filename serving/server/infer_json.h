#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serving/server/http_server.h"
#include "serving/server/model_ports.h"

namespace ringtrain {

/// A request of the Open Inference Protocol.
struct InferRequest {
  struct Output {
    std::string name;
    bool binary = false;
    std::int64_t classes = 0;  ///< of Triton's classification extension; 0: the values themselves
  };
  std::string id;
  std::vector<InferTensor> inputs;
  std::vector<Output> outputs;  ///< those that are wanted; empty: all
  bool binary_outputs = false;  ///< of those that are not named
};

/// From JSON, `header_length` bytes of the body (all of it when it is negative), and the tensors' bytes
/// behind it. Throws DataError that names the tensor.
InferRequest parse_infer_request(std::string_view body, std::int64_t header_length);

/// The answer: JSON, with the bytes of binary outputs behind it.
HttpReply infer_reply(const InferRequest& request, const std::string& model, std::int64_t version,
                      std::vector<InferTensor> outputs);

/// The outputs that a request wants.
std::vector<WantedOutput> wanted_outputs(const InferRequest& request);

}  // namespace ringtrain
