#pragma once

#include <memory>
#include <string>

#include "comm/communicator.h"

namespace ringtrain {

/// This process's place among the ranks of the job. Owns MPI: initialises it (MPI_THREAD_MULTIPLE, errors returned) when the
/// process was started by an MPI launcher, and finalises it in `close`. Started by hand, the world is one rank and MPI is left alone.
class World {
 public:
  /// Whether an MPI launcher started this process: OMPI_COMM_WORLD_RANK, PMIX_RANK, PMI_RANK or SLURM_STEP_NUM_TASKS is set.
  static bool launched_by_mpi();

  /// Throws CommError when MPI cannot be initialised.
  World();
  /// Only logs when `close` was not called: MPI_Finalize would wait for the other ranks while an exception flies.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int rank() const { return rank_; }
  int world_size() const { return world_size_; }
  int local_rank() const { return local_rank_; }    ///< among the ranks of this host
  int local_size() const { return local_size_; }    ///< how many ranks this host has
  const std::string& host() const { return host_; }

  /// The communicator of small host facts (always MPI, or local for one rank), owned by the world.
  Communicator& control() { return *control_; }

  /// Orderly end: collective; MPI_Finalize.
  void close();

 private:
  int rank_ = 0, world_size_ = 1, local_rank_ = 0, local_size_ = 1;
  std::string host_;
  bool owns_mpi_ = false;
  std::unique_ptr<Communicator> control_;
};

}  // namespace ringtrain
