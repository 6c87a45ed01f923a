#pragma once

#include "comm/mpi/mpi_api.h"

namespace ringtrain::mpi {

/// The ranks of a communicator of the program's own, for `World world(my_communicator)`. Owns nothing.
struct Ranks {
  Ranks(MPI_Comm given) : communicator(given) {}
  MPI_Comm communicator;
};

}  // namespace ringtrain::mpi
