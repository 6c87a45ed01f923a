#pragma once

#include "models/network.h"

namespace ringtrain {

/// `model.type: mlp`: hidden layers of the given widths, each with activation and dropout, then an affine
/// map.
class MlpKind : public ModelKind {
 public:
  std::vector<std::int64_t> hidden{64, 32};
  std::string activation = "relu";
  double dropout = 0;
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<MlpKind>(*this); }
  std::string name() const override { return "mlp"; }
  std::string doc() const override { return "A multi-layer perceptron."; }
  void describe(config::Visitor& v) override;
  Network make(const ModelShape& shape) const override;
};

}  // namespace ringtrain
