#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/ring/options.h"
#include "comm/world.h"

namespace ringtrain {

/// The backends that this build has, in the order in which they are preferred on one rank: "local", "mpi"
/// and, with CUDA, "nccl".
std::vector<std::string> available_backends();

/// The MPI library and its version: "Open MPI v4.1.4".
std::string mpi_version();

/// What `comm.backend: auto` means here: local on one rank, else nccl where every rank has a GPU of its own,
/// else mpi. Collective.
std::string choose_backend(World& world, const std::string& device);

/// Makes the communicator that moves gradients. `backend`: one of the above or "auto"; `device`: "cpu" or
/// "cuda:N"; `ring`: how the MPI backend reduces. Throws ConfigError with the valid names or the reason:
/// `comm.backend: unknown 'ncl'; this build has: local, mpi, nccl`, "local" for several ranks, "nccl" without
/// a GPU for each rank. Collective.
std::unique_ptr<Communicator> make_communicator(World& world, const std::string& backend,
                                                const std::string& device, const RingOptions& ring = {});

/// Runs `body` as `world_size` ranks in one process, a thread each, for tests. The first exception is thrown
/// on after all ended; a rank that throws makes the collectives of the others throw CommError.
void run_as_threads(int world_size, const std::function<void(Communicator&)>& body);

/// The largest count handed to one MPI call; larger tensors go in several. Lowered by tests.
void set_mpi_count_limit_for_test(std::int64_t limit);

}  // namespace ringtrain
