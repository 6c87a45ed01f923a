#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <utility>

#include "comm/communicator.h"
#include "comm/mpi/mpi_api.h"

namespace ringtrain::mpi {

/// The MPI type that carries elements of `type`; the 16-bit floats travel as uint16.
MPI_Datatype datatype_of(at::ScalarType type);

/// The MPI operations of each type and ReduceOp. MPI knows no 16-bit floats, and its MAX and MIN leave open
/// what a NaN gives; those have operations of our own (arithmetic.h). Made once after MPI_Init, freed before
/// MPI_Finalize.
class Reductions {
 public:
  Reductions();
  ~Reductions();  ///< frees nothing: MPI may be gone
  Reductions(const Reductions&) = delete;
  Reductions& operator=(const Reductions&) = delete;

  MPI_Op operation(at::ScalarType type, ReduceOp op) const;
  void free();

 private:
  template <class T, ReduceOp op>
  void add(at::ScalarType type);
  std::map<std::pair<at::ScalarType, ReduceOp>, MPI_Op> own_;
};

}  // namespace ringtrain::mpi
