#include "models/resnet.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/linear.h>

#include "models/convolution.h"
#include "models/dense.h"
#include "models/image.h"
#include "models/resnet_blocks.h"

namespace ringtrain {
namespace {

/// What differs between the depths.
struct Plan {
  bool small_images;
  bool bottleneck;
  std::vector<std::int64_t> blocks;  ///< of each stage; a stage has twice the channels of the one before
  std::int64_t channels;             ///< of the stem and the first stage
};

Plan plan_of(const std::string& depth) {
  if (depth == "20") return {true, false, {3, 3, 3}, 16};
  if (depth == "18") return {false, false, {2, 2, 2, 2}, 64};
  return {false, true, {3, 4, 6, 3}, 64};
}

class Resnet : public Model {
 public:
  Resnet(const ResnetKind& options, const ModelShape& shape)
      : Model("Resnet"),
        image_(options.image),
        plan_(plan_of(options.depth)),
        channels_last_(options.memory_format != "contiguous") {
    conv1_ = register_module("conv1", plan_.small_images ? make_convolution(image_[0], plan_.channels, 3, 1)
                                                         : make_convolution(image_[0], plan_.channels, 7, 2));
    bn1_ = register_module("bn1", make_batch_norm2d(plan_.channels));
    std::int64_t inputs = plan_.channels, width = plan_.channels;
    for (std::size_t i = 0; i < plan_.blocks.size(); ++i, width *= 2) {
      std::vector<std::shared_ptr<ResidualBlock>> blocks;
      for (std::int64_t b = 0; b < plan_.blocks[i]; ++b) {
        const std::int64_t stride = i > 0 && b == 0 ? 2 : 1;
        blocks.push_back(plan_.bottleneck ? make_bottleneck(inputs, width, stride)
                                          : make_basic_block(inputs, width, stride));
        inputs = plan_.bottleneck ? 4 * width : width;
      }
      stages_.push_back(register_module("layer" + std::to_string(i + 1),
                                        std::make_shared<ResidualStage>(std::move(blocks))));
    }
    fc_ = register_module("fc", torch::nn::Linear(inputs, shape.outputs));
    initialise();
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    at::Tensor x = at::unflatten(inputs, 1, image_);
    if (channels_last_) x = with_channels_last(x);
    x = bn1_->forward_relu(convolve(x, conv1_));
    if (!plan_.small_images) x = at::max_pool2d(x, 3, 2, 1);
    for (const auto& stage : stages_) x = stage->forward(x);
    return dense(at::adaptive_avg_pool2d(x, {1, 1}).flatten(1), fc_);
  }

 private:
  /// With one channel both formats are the same memory, and only strides tell the convolution which one its
  /// result shall have. Exported graphs do without: it is no matter of values.
  at::Tensor with_channels_last(const at::Tensor& x) const {
    if (x.size(1) == 1 && is_training() && x.is_contiguous())
      return x.as_strided(x.sizes(), {x.stride(0), 1, x.stride(2), 1});
    return x.contiguous(at::MemoryFormat::ChannelsLast);
  }

  /// As torchvision: Kaiming's normal distribution by the fan out (He et al. 2015b).
  void initialise() {
    const torch::NoGradGuard no_grad;
    for (const auto& module : modules(false))
      if (auto* convolution = module->as<torch::nn::Conv2d>()) {
        torch::nn::init::kaiming_normal_(convolution->weight, 0, torch::kFanOut, torch::kReLU);
        if (channels_last_)
          convolution->weight.set_data(convolution->weight.contiguous(at::MemoryFormat::ChannelsLast));
      }
  }

  std::vector<std::int64_t> image_;
  Plan plan_;
  bool channels_last_;
  torch::nn::Conv2d conv1_{nullptr};
  std::shared_ptr<Norm2d> bn1_;
  std::vector<std::shared_ptr<ResidualStage>> stages_;
  torch::nn::Linear fc_{nullptr};
};

}  // namespace

void ResnetKind::describe(config::Visitor& v) {
  v.field("depth", depth,
          "Layers with weights: 20 for images of about 32×32, 18 or 50 (torchvision's) for larger ones.",
          {"20", "18", "50"});
  describe_image(v, image);
  v.field("memory_format", memory_format,
          "How images lie in memory: contiguous (channel by channel), channels_last (pixel by pixel), or "
          "auto: channels_last, which was a fifth faster in training on a CPU (docs/models.md).",
          {"auto", "contiguous", "channels_last"});
}

Network ResnetKind::make(const ModelShape& shape) const {
  require_pixels(image, shape);
  return std::make_shared<Resnet>(*this, shape);
}

}  // namespace ringtrain
