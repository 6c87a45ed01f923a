#pragma once

#include <torch/nn/module.h>
#include <torch/nn/options/batchnorm.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ringtrain {

/// A normalisation of the channels of images: [n, channels, height, width] in and out.
class Norm2d : public torch::nn::Module {
 public:
  using torch::nn::Module::Module;
  /// Throws TrainingError for a batch norm in training whose input has one value a channel.
  virtual at::Tensor forward(const at::Tensor& x) = 0;
  /// relu(forward(x) + shortcut); `shortcut` may be undefined.
  virtual at::Tensor forward_relu(const at::Tensor& x, const at::Tensor& shortcut = {});
  /// Whether at::batch_norm takes the statistics of training over several ranks: then it gets whatever comes,
  /// also one value a channel, and no kernel of ours stands in for it.
  void join_statistics(bool on) { joined_ = on; }
  at::Tensor weight;  ///< [channels], starts at 1

 protected:
  bool joined_ = false;
};

/// Batch normalisation (Ioffe and Szegedy 2015) with the names, defaults and buffers of PyTorch's
/// BatchNorm2d: weight, bias, running_mean, running_var, num_batches_tracked (int64, whatever the module is
/// converted to). The one place where models get it from.
std::shared_ptr<Norm2d> make_batch_norm2d(std::int64_t channels);

/// A batch norm among the parts of a module: make_batch_norm2d's, or LibTorch's.
struct BatchNormPart {
  std::string name;  ///< of the part
  std::shared_ptr<torch::nn::Module> module;
  Norm2d* own;                                 ///< null: LibTorch's
  const torch::nn::BatchNormOptions* options;  ///< of LibTorch's; else null
};

/// All batch norms of `module` and its children, in the order of their registration.
std::vector<BatchNormPart> batch_norms(const torch::nn::Module& module);

}  // namespace ringtrain
