#include "tests/comm/mpi_calls.h"

#include <algorithm>

#include "comm/mpi/mpi_api.h"

namespace ringtrain {

MpiCalls& mpi_calls() {
  static MpiCalls calls;
  return calls;
}

namespace {

// Whether the call goes on to MPI.
bool seen(int count) {
  MpiCalls& calls = mpi_calls();
  ++calls.calls;
  calls.largest_count = std::max(calls.largest_count.load(), count);
  return calls.fail_with == 0;
}

}  // namespace
}  // namespace ringtrain

extern "C" {

int MPI_Allreduce(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm communicator) {
  if (!ringtrain::seen(count)) return ringtrain::mpi_calls().fail_with;
  return PMPI_Allreduce(in, out, count, type, op, communicator);
}

int MPI_Bcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm communicator) {
  if (!ringtrain::seen(count)) return ringtrain::mpi_calls().fail_with;
  return PMPI_Bcast(data, count, type, root, communicator);
}

int MPI_Reduce_scatter_block(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op,
                             MPI_Comm communicator) {
  if (!ringtrain::seen(count)) return ringtrain::mpi_calls().fail_with;
  return PMPI_Reduce_scatter_block(in, out, count, type, op, communicator);
}

int MPI_Allgather(const void* in, int count, MPI_Datatype type, void* out, int out_count,
                  MPI_Datatype out_type, MPI_Comm communicator) {
  if (!ringtrain::seen(count)) return ringtrain::mpi_calls().fail_with;
  return PMPI_Allgather(in, count, type, out, out_count, out_type, communicator);
}

int MPI_Alltoall(const void* in, int count, MPI_Datatype type, void* out, int out_count,
                 MPI_Datatype out_type, MPI_Comm communicator) {
  if (!ringtrain::seen(count)) return ringtrain::mpi_calls().fail_with;
  return PMPI_Alltoall(in, count, type, out, out_count, out_type, communicator);
}

}  // extern "C"
