#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "comm/watch/beacon.h"
#include "comm/watch/beat_link.h"

namespace ringtrain {

namespace mpi {
class Session;
struct Ranks;
}  // namespace mpi

/// This process's place among the ranks of the job. Owns MPI: initialises it (MPI_THREAD_MULTIPLE, errors
/// returned) when the process was started by an MPI launcher, and finalises it in `close`. Started by hand,
/// the world is one rank and MPI is left alone. A program that has initialised MPI itself keeps it: the world
/// uses it and `close` leaves MPI_Finalize to the program.
///
/// A program in which only some processes train makes the world of their communicator. Whatever is made of a
/// world (communicators, local ranks, the watch) is of its ranks alone; `abort`, and the watch where it ends
/// the job, end all processes of MPI_COMM_WORLD.
class World {
 public:
  /// Whether an MPI launcher started this process (comm/launcher.h).
  static bool launched_by_mpi();

  /// Throws CommError when launcher and MPI library do not fit, MPI cannot be initialised, gives less than
  /// MPI_THREAD_MULTIPLE, or sees another number of ranks than the launcher started. Collective over all
  /// processes of MPI_COMM_WORLD.
  World();
  /// The world of the ranks of a communicator of the program's, an MPI_Comm (comm/mpi/ranks.h), numbered as
  /// there. The program has initialised MPI with MPI_THREAD_MULTIPLE and finalises it, after `close`. The
  /// communicator is duplicated; it stays the program's, which may free it as soon as this returns. What a
  /// launcher counts are all its processes, so the world shows nothing in its folder (`beacon`). Throws
  /// CommError where MPI is not initialised or is finalised, gives less than MPI_THREAD_MULTIPLE, or the
  /// communicator is MPI_COMM_NULL or joins two groups. Collective over its ranks.
  explicit World(const mpi::Ranks& ranks);
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

  /// The world of a group of these ranks: of those with the same `color`, in the order of `key`, as
  /// Communicator::split. Null where a rank gives no color. It is a world like any other: what is made with
  /// it (make_communicator) is the group's, and it is closed by its ranks, before this one is. Collective
  /// over all ranks, also those that get null.
  std::unique_ptr<World> split(std::optional<int> color, int key = 0);

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
  struct Alone {};
  explicit World(Alone);  // one rank, without MPI
  void join(const mpi::Ranks& ranks);
  int rank_ = 0, world_size_ = 1, local_rank_ = 0, local_size_ = 1;
  std::string host_;
  std::shared_ptr<mpi::Session> session_;  // null: no MPI
  std::shared_ptr<std::atomic<bool>> closed_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<Communicator> control_;
  std::unique_ptr<Beacon> beacon_;
};

}  // namespace ringtrain
