#pragma once

#include <torch/nn/modules/conv.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "models/norm.h"

namespace ringtrain {

/// A residual block (He et al. 2015, figure 5): relu(branch(x) + shortcut(x)).
class ResidualBlock : public torch::nn::Module {
 public:
  using torch::nn::Module::Module;
  /// `x`: [n, inputs, height, width]; returns [n, outputs, height / stride, width / stride].
  virtual at::Tensor forward(const at::Tensor& x) = 0;
};

/// Two 3×3 convolutions of `width` channels: conv1, bn1, conv2, bn2; the first has the stride.
/// Where the shape changes the shortcut is a 1×1 convolution and batch norm, downsample.0 and downsample.1.
std::shared_ptr<ResidualBlock> make_basic_block(std::int64_t inputs, std::int64_t width, std::int64_t stride);

/// 1×1, 3×3 (which has the stride, as in torchvision), 1×1 convolutions: conv1 to conv3, bn1 to bn3; 4 ×
/// `width` outputs.
std::shared_ptr<ResidualBlock> make_bottleneck(std::int64_t inputs, std::int64_t width, std::int64_t stride);

/// A convolution without bias that keeps the size at stride 1.
torch::nn::Conv2d make_convolution(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel,
                                   std::int64_t stride);

/// Blocks one after the other, under the names "0", "1", …
class ResidualStage : public torch::nn::Module {
 public:
  explicit ResidualStage(std::vector<std::shared_ptr<ResidualBlock>> blocks);
  at::Tensor forward(at::Tensor x);

 private:
  std::vector<std::shared_ptr<ResidualBlock>> blocks_;
};

}  // namespace ringtrain
