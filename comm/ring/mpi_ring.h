#pragma once

#include <memory>

#include "comm/mpi/mpi_communicator.h"
#include "comm/ring/options.h"

namespace ringtrain::ring {

/// The MPI backend for gradients, over the ranks of `base`. Collective.
std::unique_ptr<Communicator> make_mpi_ring(const mpi::MpiCommunicator& base, const RingOptions& options);

}  // namespace ringtrain::ring
