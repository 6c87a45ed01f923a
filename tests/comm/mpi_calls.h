#pragma once

#include <atomic>

namespace ringtrain {

/// What reached MPI: this test program defines MPI_Allreduce and others itself and hands on to MPI's
/// profiling names.
struct MpiCalls {
  std::atomic<long> calls{0};
  std::atomic<int> largest_count{0};
  std::atomic<int> fail_with{0};  ///< an error code that the next calls give instead
  void reset() { calls = 0, largest_count = 0, fail_with = 0; }
};
MpiCalls& mpi_calls();

}  // namespace ringtrain
