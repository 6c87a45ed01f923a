#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "comm/communicator.h"
#include "comm/watch/beacon.h"
#include "comm/watch/beat_link.h"

namespace ringtrain {

namespace mpi {
class Session;
}

/// This process's place among the ranks of the job. Owns MPI: initialises it (MPI_THREAD_MULTIPLE, errors
/// returned) when the process was started by an MPI launcher, and finalises it in `close`. Started by hand,
/// the world is one rank and MPI is left alone. A program that has initialised MPI itself keeps it: the world
/// uses it and `close` leaves MPI_Finalize to the program.
class World {
 public:
  /// Whether an MPI launcher started this process (comm/launcher.h).
  static bool launched_by_mpi();

  /// Throws CommError when launcher and MPI library do not fit, MPI cannot be initialised, gives less than
  /// MPI_THREAD_MULTIPLE, or sees another number of ranks than the launcher started. Collective.
  World();
  /// Only logs when `close` was not called: MPI_Finalize would wait for the other ranks while an exception
  /// flies. Silent in a child process, and where the program has called MPI_Finalize.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int rank() const { return rank_; }
  int world_size() const { return world_size_; }
  int local_rank() const { return local_rank_; }  ///< among the ranks of this host
  int local_size() const { return local_size_; }  ///< how many ranks this host has
  const std::string& host() const { return host_; }

  /// The communicator of small host facts (always MPI, or local for one rank), owned by the world. Throws
  /// CommError after `close`.
  Communicator& control();

  /// Where this rank shows what it is doing; also in the launcher's folder where it named one
  /// (RINGTRAIN_BEACONS).
  Beacon& beacon() { return *beacon_; }
  /// For a monitor, which is gone before `close`; null for one rank. Collective.
  std::unique_ptr<BeatLink> make_beat_link();

  /// Orderly end: collective; MPI_Finalize. Communicators that are still alive can no longer be used: what is
  /// called on them throws CommError, and so it does after a program's own MPI_Finalize, and in a child
  /// process (fork). A second call does nothing.
  void close();
  /// Whether it was: shared with the communicators that need no MPI.
  std::shared_ptr<const std::atomic<bool>> closed() const { return closed_; }

 private:
  int rank_ = 0, world_size_ = 1, local_rank_ = 0, local_size_ = 1;
  std::string host_;
  std::shared_ptr<mpi::Session> session_;  // null: no MPI
  std::shared_ptr<std::atomic<bool>> closed_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<Communicator> control_;
  std::unique_ptr<Beacon> beacon_;
};

}  // namespace ringtrain
