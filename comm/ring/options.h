#pragma once

#include <c10/core/ScalarType.h>

namespace ringtrain {

/// How the MPI backend reduces.
struct RingOptions {
  enum class Algorithm {
    automatic,  ///< shared memory inside a host, a ring between hosts
    ring,       ///< a ring of all ranks, as if each had a host of its own
    mpi         ///< MPI_Allreduce
  };
  Algorithm algorithm = Algorithm::automatic;
  /// What float32 sums travel as between hosts: float, or bfloat16 or half to halve the bytes. Sums are kept
  /// in float.
  at::ScalarType wire = at::kFloat;
  /// A thread moves data while the caller computes; else data moves while somebody waits.
  enum class Thread { automatic, on, off };  ///< automatic: on where there are several hosts
  Thread thread = Thread::automatic;
  /// For tests: so many ranks are taken for a host; 0: as it is.
  int ranks_per_host = 0;
};

}  // namespace ringtrain
