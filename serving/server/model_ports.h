#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serving/predict/predictor.h"
#include "serving/repository/manifest.h"
#include "serving/server/infer_tensor.h"

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

/// The rows that a request's tensors hold: the model's inputs, or one [n] or [n, 1] for each column by its
/// name; of a signature exactly its inputs, masks and padding included. INPUT__0 is understood as the first
/// input, as Triton's LibTorch backend calls it. Throws DataError that names the tensor, also for an input,
/// or a column of two inputs, that is given twice.
Predictor::Rows rows_of(const std::vector<InferTensor>& inputs, const Manifest& manifest);

/// An output that a request wants.
struct WantedOutput {
  std::string name;
  /// Not 0: instead of its values the largest ones of each row, at most so many, [n, k] BYTES
  /// "value:index:label" (without the label where there is none), as Triton's classification extension says
  /// (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md).
  std::int64_t classes = 0;
};

/// Throws DataError for a name that is none of the model's outputs, and for classes of one that holds texts.
void require_outputs(const std::vector<WantedOutput>& wanted, const Manifest& manifest);

/// The answers as tensors: those in `wanted` in this order; all when it is empty. OUTPUT__0 and OUTPUT__1 are
/// the first two.
std::vector<InferTensor> tensors_of(const Predictor::Answers& answers, const Manifest& manifest,
                                    const std::vector<WantedOutput>& wanted);

}  // namespace ringtrain
