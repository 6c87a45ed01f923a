#pragma once

// MPI's C API alone: its C++ bindings were removed from the standard.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

namespace ringtrain::mpi {

/// Throws CommError with MPI's own text for `code`, unless it is MPI_SUCCESS. `call`: "MPI_Allreduce".
void check(int code, const char* call);

}  // namespace ringtrain::mpi
