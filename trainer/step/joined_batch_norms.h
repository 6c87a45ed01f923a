#pragma once

#include <torch/nn/module.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "comm/averaging/sync_batch_norm_scope.h"
#include "models/norm.h"

namespace ringtrain {

/// The batch norms of a model, ours and LibTorch's, whose statistics in training are those of the joined
/// batch of all ranks (trainer.sync_batch_norm).
class JoinedBatchNorms {
 public:
  /// `communicator` is used for nothing else meanwhile. Throws ConfigError that names a batch norm without
  /// running statistics.
  JoinedBatchNorms(const torch::nn::Module& model, std::shared_ptr<Communicator> communicator);
  std::size_t size() const { return norms_.size(); }

  /// Forward and backward over one piece of a batch. While it lives each pass of a norm in training is
  /// collective: every rank makes as many, in the same order, also with 0 samples.
  ///
  /// LibTorch's batch norms refuse one value a channel before they ask for anything, though the joined batch
  /// may have more. So in a piece of one sample those that are in training are put into evaluation mode, and
  /// what they would do beside is done here. A model must not switch them itself inside of a pass.
  class Scope {
   public:
    /// `norms`: null for nothing. `samples`: of this rank in the piece.
    Scope(const JoinedBatchNorms* norms, std::int64_t samples);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::vector<Norm2d*> own_;
    std::vector<torch::nn::Module*> evaluating_;
    std::optional<SyncBatchNormScope> calls_;
  };

 private:
  struct Norm {
    BatchNormPart part;
    at::Tensor running_mean, batches;
  };
  std::vector<Norm> norms_;
  std::shared_ptr<Communicator> communicator_;
};

}  // namespace ringtrain
