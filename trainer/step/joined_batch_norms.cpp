#include "trainer/step/joined_batch_norms.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <utility>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// A buffer of the module itself; undefined where it has none of that name.
at::Tensor buffer(const torch::nn::Module& module, const std::string& name) {
  const auto buffers = module.named_buffers(/*recurse=*/false);
  const auto* found = buffers.find(name);
  return found != nullptr ? *found : at::Tensor();
}

/// What a batch norm of LibTorch's in training does before it calls at::batch_norm.
double count_batch(const torch::nn::BatchNormOptions& options, at::Tensor batches) {
  batches.add_(1);
  return options.momentum() ? *options.momentum() : 1 / batches.item<double>();
}

}  // namespace

JoinedBatchNorms::JoinedBatchNorms(const torch::nn::Module& model, std::shared_ptr<Communicator> communicator)
    : communicator_(std::move(communicator)) {
  for (auto& part : batch_norms(model)) {
    auto running_mean = buffer(*part.module, "running_mean");
    auto batches = buffer(*part.module, "num_batches_tracked");
    if (!running_mean.defined())
      throw ConfigError(
          fmt::format("trainer.sync_batch_norm: module '{}' is a batch norm without running statistics, by "
                      "which its calls would be known; make it with track_running_stats(true), or set "
                      "trainer.sync_batch_norm: false",
                      part.name));
    norms_.push_back({std::move(part), std::move(running_mean), std::move(batches)});
  }
}

JoinedBatchNorms::Scope::Scope(const JoinedBatchNorms* norms, std::int64_t samples) {
  if (norms == nullptr) return;
  std::vector<SyncedBatchNorm> calls;
  for (const auto& [part, running_mean, batches] : norms->norms_) {
    calls.push_back({running_mean});
    if (part.own != nullptr) {
      part.own->join_statistics(true);
      own_.push_back(part.own);
    } else if (samples == 1 && part.module->is_training()) {
      part.module->eval();
      evaluating_.push_back(part.module.get());
      calls.back().begin_batch = [options = part.options, batches = batches] {
        return count_batch(*options, batches);
      };
    }
  }
  calls_.emplace(calls, *norms->communicator_);
}

JoinedBatchNorms::Scope::~Scope() {
  for (auto* own : own_) own->join_statistics(false);
  for (auto* module : evaluating_) module->train();
}

}  // namespace ringtrain
