#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "comm/communicator.h"

namespace ringtrain {

/// A batch norm whose statistics are joined.
struct SyncedBatchNorm {
  at::Tensor running_mean;  ///< by which its calls are known; not its values: its TensorImpl
  /// Where it is set, calls in evaluation mode are joined as well: it counts the batch, and returns the
  /// momentum.
  std::function<double()> begin_batch = nullptr;
};

/// While one lives, at::batch_norm of its norms, in training, is sync_batch_norm over `communicator`. All
/// other calls are what they are without it, to the bit: in evaluation mode, with another running mean or
/// none, as instance norm's.
///
/// torch::nn::BatchNorm is not virtual, so the operation is what is replaced, at the autograd keys of CPU and
/// CUDA. (Below them, in InferenceMode, it stays LibTorch's.) Calls of all threads are taken: backward, which
/// computes checkpointed activations again, may run in one of the autograd engine's. A running mean belongs
/// to one model, so the models of several threads do not mix.
class SyncBatchNormScope {
 public:
  /// `communicator` outlives it and the backward passes of what was computed meanwhile. A running mean that
  /// another scope has already stays with that one.
  SyncBatchNormScope(const std::vector<SyncedBatchNorm>& norms, Communicator& communicator);
  ~SyncBatchNormScope();
  SyncBatchNormScope(const SyncBatchNormScope&) = delete;
  SyncBatchNormScope& operator=(const SyncBatchNormScope&) = delete;

 private:
  std::vector<at::Tensor> means_;  // those that are known by it
};

}  // namespace ringtrain
