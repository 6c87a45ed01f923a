#pragma once

#include <torch/nn/module.h>

#include <vector>

#include "comm/averaging/flat_parameters.h"
#include "comm/communicator.h"

namespace ringtrain {

/// Gives every rank rank 0's tensors, of any type, strided or sparse (COO); those of other layouts stay each
/// rank's own. Collective.
void broadcast_tensors(const std::vector<FlatParameters::Other>& tensors, Communicator& communicator);

/// The same for the buffers of a module (running statistics): each rank has its own, of its own samples,
/// until somebody says whose count, as before an evaluation or an export. Collective.
void broadcast_buffers(const torch::nn::Module& module, Communicator& communicator);

}  // namespace ringtrain
