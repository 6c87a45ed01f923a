// The all-reduce bench's peer: plain MPI_Allreduce, as an MPI program would call it. bench_mpi_all_reduce
// SOCKET
#define OMPI_SKIP_MPICXX 1  // only the C interface
#include <mpi.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "bench/programs/all_reduce.h"

int main(int argc, char** argv) {
  if (argc != 2)
    return std::fprintf(stderr, "usage: bench_mpi_all_reduce SOCKET (see docs/benchmarks.md)\n"), 2;
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  try {
    ringtrain::bench::Control control(argv[1], rank);
    ringtrain::bench::serve_all_reduce(
        control, rank, [] { MPI_Barrier(MPI_COMM_WORLD); },
        [](std::size_t floats) {
          const auto buffer = std::make_shared<std::vector<float>>(floats);
          return ringtrain::bench::Reduced{*buffer, [buffer] {
                                             MPI_Allreduce(MPI_IN_PLACE, buffer->data(),
                                                           static_cast<int>(buffer->size()), MPI_FLOAT,
                                                           MPI_SUM, MPI_COMM_WORLD);
                                           }};
        });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_mpi_all_reduce: %s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
