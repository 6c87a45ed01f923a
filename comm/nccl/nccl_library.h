#pragma once

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "comm/device_graph.h"

/// The way to the NCCL backend, which lives in the library libringtrain_nccl.so with all that needs CUDA.
namespace ringtrain::nccl {

/// Whether this build has the library.
bool is_built();

/// Opens the library; with it LibTorch learns to use GPUs. Throws ConfigError with the places that were
/// searched.
void load();

/// Makes the communicator on `device` ("cuda:1"). Collective over `control`, which it duplicates. Throws
/// CommError.
std::unique_ptr<Communicator> make(Communicator& control, const std::string& device);

/// From here on the calling thread works on a stream of its own of `device`: before anything that is to be
/// recorded is made.
void use_own_stream(const std::string& device);

/// Records CUDA graphs of `device`.
GraphRecorder graph_recorder(const std::string& device);

}  // namespace ringtrain::nccl
