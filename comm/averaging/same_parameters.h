#pragma once

#include "comm/averaging/flat_parameters.h"
#include "comm/communicator.h"

namespace ringtrain {

/// Throws ConfigError on all ranks, with the same text, unless each has rank 0's parameters and buffers: as
/// many, in the same order, of the same names, shapes and types, the same ones trained. Sums of other
/// parameters would be numbers without a meaning, or a hang. Collective: two numbers where all agree.
/// GradientAverager asks by itself; ShardedAverager, whose constructor is not collective, does not.
void require_same_parameters(const FlatParameters& parameters, Communicator& communicator);

}  // namespace ringtrain
