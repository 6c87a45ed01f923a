#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serving/predict/predictor.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// An input or output of a model, as the Open Inference Protocol describes it.
struct Port {
  std::string name;
  std::string datatype;             ///< "FP32", "INT64", "BYTES"
  std::vector<std::int64_t> shape;  ///< -1: any
};

/// "numeric" [n, F] FP32, FP64 where a column is wide (left out when there is no numeric column), then a
/// BYTES [n] for each categorical column, as in model.onnx; "tokens" [n, context] INT64 of a language model;
/// of a signature its inputs, [n, dims…] each.
std::vector<Port> input_ports(const Manifest& manifest);

/// "probabilities" [n, K] FP32, "class" [n] INT64, "label" [n] BYTES; or "probabilities", "labels" [n, K]
/// INT64; or "prediction" [n] FP32, [n, k] of several values; or "logits".
std::vector<Port> output_ports(const Manifest& manifest);

/// A tensor of a request or of an answer.
struct InferTensor {
  std::string name;
  std::string datatype;
  std::vector<std::int64_t> shape;
  at::Tensor values;                 ///< of `shape`; undefined for BYTES
  std::vector<std::string> strings;  ///< of BYTES
};

/// How many values a shape holds. Throws DataError that names `tensor` when a dimension is negative or there
/// are more than 2^31.
std::int64_t element_count(const std::string& tensor, const std::vector<std::int64_t>& shape);

/// A tensor from its bytes, little-endian (BYTES: each with its length in 4 bytes before it), as the binary
/// tensor extension and raw_input_contents carry them. Throws DataError that names the tensor.
InferTensor tensor_from_bytes(std::string name, std::string datatype, std::vector<std::int64_t> shape,
                              std::string_view bytes);
std::string bytes_of(const InferTensor& tensor);

/// The rows that a request's tensors hold: the model's inputs, or one [n] or [n, 1] for each column by its
/// name; of a signature exactly its inputs, masks and padding included. INPUT__0 is understood as the first
/// input, as Triton's LibTorch backend calls it. Throws DataError that names the tensor.
Predictor::Rows rows_of(const std::vector<InferTensor>& inputs, const Manifest& manifest);

/// Throws DataError for a name that is none of the model's outputs.
void require_outputs(const std::vector<std::string>& wanted, const Manifest& manifest);

/// The answers as tensors: those in `wanted` in this order; all when it is empty. OUTPUT__0 and OUTPUT__1 are
/// the first two.
std::vector<InferTensor> tensors_of(const Predictor::Answers& answers, const Manifest& manifest,
                                    const std::vector<std::string>& wanted);

}  // namespace ringtrain
