#pragma once

#include "models/network.h"

namespace ringtrain {

/// `model.type: convnet`: for images whose pixels are the feature columns, row by row. Blocks of 3×3
/// convolution, GroupNorm (Wu and He 2018: no statistics across samples, so ranks need not talk), activation
/// and 2×2 max pooling; then one hidden layer.
class ConvnetKind : public ModelKind {
 public:
  std::vector<std::int64_t> image{1, 28, 28};  ///< channels, height, width
  std::vector<std::int64_t> channels{16, 32};
  std::int64_t groups = 4;
  std::int64_t hidden = 128;
  std::string activation = "relu";
  double dropout = 0;
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<ConvnetKind>(*this); }
  std::string name() const override { return "convnet"; }
  std::string doc() const override {
    return "A convolutional network with GroupNorm, for images given as pixel columns.";
  }
  void describe(config::Visitor& v) override;
  Network make(const ModelShape& shape) const override;
};

}  // namespace ringtrain
