#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "comm/communicator.h"

namespace ringtrain {

/// A normalisation of the channels of images: [n, channels, height, width] in and out.
class Norm2d : public torch::nn::Module {
 public:
  using torch::nn::Module::Module;
  /// Throws TrainingError for a batch norm in training whose input has one value a channel.
  virtual at::Tensor forward(const at::Tensor& x) = 0;
  /// relu(forward(x) + shortcut); `shortcut` may be undefined.
  virtual at::Tensor forward_relu(const at::Tensor& x, const at::Tensor& shortcut = {});
  /// From now on takes the statistics of training over all ranks of `communicator`
  /// (comm/averaging/sync_batch_norm.h). Returns false for one without statistics across samples.
  virtual bool synchronise(const std::shared_ptr<Communicator>& communicator) = 0;
  at::Tensor weight;  ///< [channels], starts at 1
};

/// Batch normalisation (Ioffe and Szegedy 2015) with the names, defaults and buffers of PyTorch's
/// BatchNorm2d: weight, bias, running_mean, running_var, num_batches_tracked (int64, whatever the module is
/// converted to). The one place where models get it from.
std::shared_ptr<Norm2d> make_batch_norm2d(std::int64_t channels);

/// How many batch norms a module and its children have, LibTorch's own included.
std::int64_t count_batch_norms(const torch::nn::Module& module);

/// Makes all batch norms of `module` take their statistics in training over all ranks of `communicator`,
/// which is used for nothing else. Then every forward and backward pass is collective: each rank runs as
/// many, also with 0 samples. Returns how many there are. Throws ConfigError that names a
/// torch::nn::BatchNorm, which cannot be switched.
std::int64_t synchronise_batch_norms(torch::nn::Module& module,
                                     const std::shared_ptr<Communicator>& communicator);

}  // namespace ringtrain
