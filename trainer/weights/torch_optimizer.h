#pragma once

#include <torch/nn/module.h>

#include <cstdint>

#include "trainer/optimizer/optimizer_config.h"
#include "trainer/weights/weight_fit.h"

namespace ringtrain {

/// How many optimizer steps `stored` has done: what its "step" says, else the largest count of its optimizer.
/// Throws CheckpointError where there is neither, or no optimizer.
std::int64_t steps_done(const StoredWeights& stored);

/// The state of `stored.optimizer` as a checkpoint of that step keeps it ("exp_avg/hidden0.weight",
/// "skipped_steps/…"). PyTorch numbers parameters: they are those of the state dict in its order where the
/// optimizer has one group, else those that the groups name ("param_names").
///
/// Throws CheckpointError with everything that does not fit: numbers of parameters, shapes, state that the
/// chosen rule has not, and options with which PyTorch computed something else (betas, momentum, amsgrad,
/// weight decay). Learning rates are not compared.
NamedTensors optimizer_state(const StoredWeights& stored, const FittedWeights& fitted,
                             const OptimizerConfig& config, const torch::nn::Module& model);

}  // namespace ringtrain
