#include "models/resnet_blocks.h"

#include <ATen/ATen.h>

#include "models/convolution.h"

namespace ringtrain {
namespace {

/// The projection of a shortcut: convolution "0", norm "1".
class Projection : public torch::nn::Module {
 public:
  Projection(std::int64_t inputs, std::int64_t outputs, std::int64_t stride)
      : Module("Projection"),
        convolution_(register_module("0", make_convolution(inputs, outputs, 1, stride))),
        norm_(register_module("1", make_batch_norm2d(outputs))) {}
  at::Tensor forward(const at::Tensor& x) { return norm_->forward(convolve(x, convolution_)); }

 private:
  torch::nn::Conv2d convolution_;
  std::shared_ptr<Norm2d> norm_;
};

/// Convolutions with a norm each, relu between them, and the shortcut.
class Block : public ResidualBlock {
 public:
  explicit Block(const std::string& name) : ResidualBlock(name) {}

  at::Tensor forward(const at::Tensor& x) override {
    at::Tensor y = x;
    const std::size_t last = convolutions_.size() - 1;
    for (std::size_t i = 0; i < last; ++i) y = norms_[i]->forward_relu(convolve(y, convolutions_[i]));
    return norms_[last]->forward_relu(convolve(y, convolutions_[last]),
                                      shortcut_ ? shortcut_->forward(x) : x);
  }

 protected:
  void add(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, std::int64_t stride) {
    const std::string number = std::to_string(convolutions_.size() + 1);
    convolutions_.push_back(
        register_module("conv" + number, make_convolution(inputs, outputs, kernel, stride)));
    norms_.push_back(register_module("bn" + number, make_batch_norm2d(outputs)));
  }
  void add_shortcut(std::int64_t inputs, std::int64_t outputs, std::int64_t stride) {
    if (inputs != outputs || stride != 1)
      shortcut_ = register_module("downsample", std::make_shared<Projection>(inputs, outputs, stride));
  }

 private:
  std::vector<torch::nn::Conv2d> convolutions_;
  std::vector<std::shared_ptr<Norm2d>> norms_;
  std::shared_ptr<Projection> shortcut_;
};

class BasicBlock : public Block {
 public:
  BasicBlock(std::int64_t inputs, std::int64_t width, std::int64_t stride) : Block("BasicBlock") {
    add(inputs, width, 3, stride);
    add(width, width, 3, 1);
    add_shortcut(inputs, width, stride);
  }
};

class Bottleneck : public Block {
 public:
  Bottleneck(std::int64_t inputs, std::int64_t width, std::int64_t stride) : Block("Bottleneck") {
    add(inputs, width, 1, 1);
    add(width, width, 3, stride);
    add(width, 4 * width, 1, 1);
    add_shortcut(inputs, 4 * width, stride);
  }
};

}  // namespace

std::shared_ptr<ResidualBlock> make_basic_block(std::int64_t inputs, std::int64_t width,
                                                std::int64_t stride) {
  return std::make_shared<BasicBlock>(inputs, width, stride);
}

std::shared_ptr<ResidualBlock> make_bottleneck(std::int64_t inputs, std::int64_t width, std::int64_t stride) {
  return std::make_shared<Bottleneck>(inputs, width, stride);
}

torch::nn::Conv2d make_convolution(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel,
                                   std::int64_t stride) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false));
}

ResidualStage::ResidualStage(std::vector<std::shared_ptr<ResidualBlock>> blocks)
    : Module("ResidualStage"), blocks_(std::move(blocks)) {
  for (std::size_t i = 0; i < blocks_.size(); ++i) register_module(std::to_string(i), blocks_[i]);
}

at::Tensor ResidualStage::forward(at::Tensor x) {
  for (const auto& block : blocks_) x = block->forward(x);
  return x;
}

}  // namespace ringtrain
