#pragma once

#include "models/network.h"

namespace ringtrain {

/// `model.type: linear`: one affine map; logistic or linear regression, by the task.
class LinearKind : public ModelKind {
 public:
  bool bias = true;
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<LinearKind>(*this); }
  std::string name() const override { return "linear"; }
  std::string doc() const override {
    return "One affine map: logistic regression, or linear regression, by the task.";
  }
  void describe(config::Visitor& v) override;
  Network make(const ModelShape& shape) const override;
};

}  // namespace ringtrain
