#include "models/norm.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/nn/modules/batchnorm.h>

#include "common/errors.h"
#include "models/fused_batch_norm.h"

namespace ringtrain {
namespace {

constexpr double kMomentum = 0.1;
constexpr double kEpsilon = 1e-5;

class BatchNorm2d : public Norm2d {
 public:
  explicit BatchNorm2d(std::int64_t channels) : Norm2d("BatchNorm2d") {
    weight = register_parameter("weight", at::ones({channels}));
    bias_ = register_parameter("bias", at::zeros({channels}));
    mean_ = register_buffer("running_mean", at::zeros({channels}));
    variance_ = register_buffer("running_var", at::ones({channels}));
    batches_ = register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
  }

  at::Tensor forward(const at::Tensor& x) override {
    if (fuses(x, {})) return fused(x, {}, /*relu=*/false);
    if (is_training() && !joined_) require_several_values(x);
    if (is_training()) batches_.add_(1);
    return at::batch_norm(x, weight, bias_, mean_, variance_, is_training(), kMomentum, kEpsilon,
                          /*cudnn_enabled=*/true);
  }

  at::Tensor forward_relu(const at::Tensor& x, const at::Tensor& shortcut) override {
    return fuses(x, shortcut) ? fused(x, shortcut, /*relu=*/true) : Norm2d::forward_relu(x, shortcut);
  }

  void to(torch::Device device, torch::Dtype type, bool non_blocking) override {
    Norm2d::to(device, type, non_blocking);
    keep_count_whole();
  }
  void to(torch::Dtype type, bool non_blocking) override {
    Norm2d::to(type, non_blocking);
    keep_count_whole();
  }
  using Norm2d::to;

 private:
  /// Of one value there is no variance without bias: the running one would be no number, seen much later.
  static void require_several_values(const at::Tensor& x) {
    if (x.size(1) == 0 || x.numel() / x.size(1) != 1) return;
    throw TrainingError(fmt::format(
        "batch norm in training needs more than one value a channel, and this rank's share of the batch has "
        "one: its input is [{}]. Raise trainer.global_batch_size so that each rank has several samples in "
        "every "
        "batch, also in an epoch's last one; use fewer ranks or a lower trainer.accumulate; larger images; "
        "or, "
        "with several ranks, trainer.sync_batch_norm: true",
        fmt::join(x.sizes(), ", ")));
  }

  BatchNormState state() const { return {weight, bias_, mean_, variance_, kMomentum, kEpsilon}; }

  bool fuses(const at::Tensor& x, const at::Tensor& shortcut) const {
    return is_training() && !joined_ && fused_batch_norm_applies(x, shortcut, state());
  }

  at::Tensor fused(const at::Tensor& x, const at::Tensor& shortcut, bool relu) {
    batches_.add_(1);
    return fused_batch_norm(x, state(), shortcut, relu);
  }

  /// Module::to converts every buffer; a count in float would stop at 2^24 batches.
  void keep_count_whole() { batches_.set_data(batches_.to(at::kLong)); }

  at::Tensor bias_, mean_, variance_, batches_;
};

/// Of a batch norm of LibTorch's; null for any other module.
const torch::nn::BatchNormOptions* options_of(const torch::nn::Module& module) {
  if (const auto* norm = module.as<torch::nn::BatchNorm1dImpl>()) return &norm->options;
  if (const auto* norm = module.as<torch::nn::BatchNorm2dImpl>()) return &norm->options;
  if (const auto* norm = module.as<torch::nn::BatchNorm3dImpl>()) return &norm->options;
  return nullptr;
}

}  // namespace

at::Tensor Norm2d::forward_relu(const at::Tensor& x, const at::Tensor& shortcut) {
  auto y = forward(x);
  if (shortcut.defined()) y = y.add_(shortcut);
  return y.relu_();  // in place: a norm's backward needs its input only
}

std::vector<BatchNormPart> batch_norms(const torch::nn::Module& module) {
  std::vector<BatchNormPart> norms;
  for (const auto& part : module.named_modules()) {
    if (auto* own = dynamic_cast<BatchNorm2d*>(part.value().get()))
      norms.push_back({part.key(), part.value(), own, nullptr});
    else if (const auto* options = options_of(*part.value()))
      norms.push_back({part.key(), part.value(), nullptr, options});
  }
  return norms;
}

std::shared_ptr<Norm2d> make_batch_norm2d(std::int64_t channels) {
  return std::make_shared<BatchNorm2d>(channels);
}

}  // namespace ringtrain
