#pragma once

#include "models/network.h"

namespace ringtrain {

/// `model.type: resnet`: residual networks (He et al. 2015) for images whose pixels are the feature columns,
/// channel by channel, row by row. Parameter and buffer names are torchvision's, so that weights go both
/// ways.
///
///   20      section 4.2, for small images: 3×3 stem of 16 channels, 3 stages of 3 basic blocks (16, 32, 64
///           channels), with projections (option B) where the shape changes; 272,474 parameters for 3×32×32,
///           10 classes
///   18, 50  as torchvision's resnet18 and resnet50: 7×7 stem of stride 2, max pooling, 4 stages
class ResnetKind : public ModelKind {
 public:
  std::string depth = "20";
  std::vector<std::int64_t> image{3, 32, 32};  ///< channels, height, width
  std::string memory_format = "auto";          ///< auto | contiguous | channels_last
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<ResnetKind>(*this); }
  std::string name() const override { return "resnet"; }
  std::string doc() const override {
    return "A residual network with batch norm (He et al. 2015), for images given as pixel columns.";
  }
  void describe(config::Visitor& v) override;
  Network make(const ModelShape& shape) const override;
};

}  // namespace ringtrain
