#pragma once

#include <filesystem>
#include <memory>

#include "serving/predict/predictor.h"

namespace ringtrain {

/// A model file, loaded. Thread-safe.
class ModelRunner {
 public:
  virtual ~ModelRunner() = default;
  /// Throws ExportError with the reason when the model fails.
  virtual Predictor::Answers run(const Predictor::Rows& rows) const = 0;
};

/// Loads FOLDER/model.pt with LibTorch.
std::unique_ptr<ModelRunner> load_torchscript(const std::filesystem::path& folder, const Manifest& manifest);

/// Loads FOLDER/model.onnx and runs its nodes with ATen (onnx_evaluator.h): to verify it, not to serve.
std::unique_ptr<ModelRunner> load_onnx(const std::filesystem::path& folder, const Manifest& manifest);

}  // namespace ringtrain
