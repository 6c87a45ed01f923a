#pragma once

#include <string>

#include "comm/world.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// The device of this rank, "cpu" or "cuda:N": `trainer.device` auto takes a GPU where every rank of the job
/// has one of its own and `comm.backend` can use it; where there are GPUs and it takes none, rank 0 warns
/// why. Loads CUDA only then. Throws ConfigError, on all ranks alike, when a GPU is asked for in vain.
/// Collective.
std::string choose_device(World& world, const RunConfig& config);

/// trainer.tf32 and trainer.cudnn_search, for this process.
void set_gpu_arithmetic(const TrainerConfig& config);

}  // namespace ringtrain
