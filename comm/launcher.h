#pragma once

#include <functional>
#include <optional>
#include <string>

namespace ringtrain::launcher {

/// The environment: a name's value, or null.
using Environment = std::function<const char*(const char*)>;
const char* from_process(const char* name);

/// What the MPI library of this process can do.
struct MpiLibrary {
  bool open_mpi = true;     ///< else of MPICH's family
  bool speaks_pmi = false;  ///< Slurm's own protocols, PMI-1 and PMI-2
  std::string name;         ///< "Open MPI v4.1.4"
  static MpiLibrary of_process();
};

/// Whether an MPI launcher (mpirun, srun) started this process as a rank, and not a person or a batch script:
/// OMPI_COMM_WORLD_RANK, PMIX_RANK, PMI_RANK, or SLURM_STEP_NUM_TASKS. One task that srun started without any
/// protocol is a process by itself.
bool started_rank(const Environment& get = from_process);

/// How many ranks the launcher says it started; 0 when it does not say.
int announced_ranks(const Environment& get = from_process);

/// This process's number as the launcher counts; 0 when it does not say.
int announced_rank(const Environment& get = from_process);

/// Why MPI_Init would end the process, or see worlds of one rank each, and what to do; none where launcher
/// and library fit as far as the environment tells.
std::optional<std::string> mismatch(const Environment& get, const MpiLibrary& library);

}  // namespace ringtrain::launcher
