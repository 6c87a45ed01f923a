#include "models/convnet.h"

#include <fmt/format.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "models/activation.h"
#include "models/convolution.h"
#include "models/dense.h"
#include "models/image.h"

namespace ringtrain {
namespace {

class Convnet : public Model {
 public:
  Convnet(const ConvnetKind& options, const ModelShape& shape)
      : Model("Convnet"), image_(options.image), activation_(options.activation), dropout_(options.dropout) {
    std::int64_t channels = image_[0], height = image_[1], width = image_[2];
    for (std::size_t i = 0; i < options.channels.size(); ++i) {
      const auto out = options.channels[i];
      convolutions_.push_back(
          register_module(fmt::format("convolution{}", i),
                          torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, out, 3).padding(1))));
      norms_.push_back(register_module(
          fmt::format("norm{}", i), torch::nn::GroupNorm(torch::nn::GroupNormOptions(options.groups, out))));
      channels = out;
      height /= 2;
      width /= 2;
    }
    hidden_ = register_module("hidden", torch::nn::Linear(channels * height * width, options.hidden));
    output_ = register_module("output", torch::nn::Linear(options.hidden, shape.outputs));
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    at::Tensor x = at::unflatten(inputs, 1, image_);
    for (std::size_t i = 0; i < convolutions_.size(); ++i)
      x = at::max_pool2d(activate(activation_, norms_[i](convolve(x, convolutions_[i]))), 2);
    x = activate(activation_, dense(x.flatten(1), hidden_));
    if (dropout_ > 0) x = at::dropout(x, dropout_, is_training());
    return dense(x, output_);
  }

 private:
  std::vector<std::int64_t> image_;
  std::string activation_;
  double dropout_;
  std::vector<torch::nn::Conv2d> convolutions_;
  std::vector<torch::nn::GroupNorm> norms_;
  torch::nn::Linear hidden_{nullptr}, output_{nullptr};
};

}  // namespace

void ConvnetKind::describe(config::Visitor& v) {
  describe_image(v, image);
  v.field("channels", channels, "Channels of the convolution blocks; each block halves height and width.",
          config::at_least(1));
  v.field("groups", groups, "Groups of GroupNorm; must divide each of `channels`.", config::at_least(1));
  v.field("hidden", hidden, "Width of the layer after the convolutions.", config::at_least(1));
  v.field("activation", activation, "Activation after each layer.", activation_names());
  v.field("dropout", dropout, "Probability of dropping a value of the hidden layer in training.",
          config::fraction_below_one());
  for (const auto count : channels)
    v.require("groups", groups < 1 || count % groups == 0,
              fmt::format("expected a number that divides each of model.channels; {} does not divide {}",
                          groups, count));
  if (image.size() == 3)
    v.require("channels", (image[1] >> channels.size()) >= 1 && (image[2] >> channels.size()) >= 1,
              fmt::format("{} blocks halve an image of {}×{} to nothing; use fewer", channels.size(),
                          image[1], image[2]));
}

Network ConvnetKind::make(const ModelShape& shape) const {
  require_pixels(image, shape);
  return std::make_shared<Convnet>(*this, shape);
}

}  // namespace ringtrain
