#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "serving/predict/predictor.h"

namespace ringtrain::drift {

/// What the graph of an exported model (model.pt) gives its network for rows: the served side of
/// Preprocessing::apply.
class ServedFeatures {
 public:
  /// Throws ExportError where there is no model.pt, or its graph has another form.
  explicit ServedFeatures(const Predictor& predictor);
  ~ServedFeatures();
  /// In the order of Preprocessing::apply.
  std::vector<at::Tensor> of(const Predictor::Rows& rows) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringtrain::drift
