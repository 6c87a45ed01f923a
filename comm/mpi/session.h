#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "comm/mpi/mpi_api.h"
#include "comm/mpi/reductions.h"

namespace ringtrain::mpi {

class Handle;

/// MPI in this process, from MPI_Init_thread to MPI_Finalize. A program that initialised MPI itself keeps it:
/// then it is neither initialised nor finalised here. Shared by the world and its communicators.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// Whether the program has already initialised MPI.
  static bool initialized_by_program();

  /// Throws CommError when MPI was finalised before, or does not give MPI_THREAD_MULTIPLE.
  static std::shared_ptr<Session> start();

  /// Leaves MPI as it is when `close` was not called: no collective in a destructor.
  ~Session();

  /// A duplicate of MPI_COMM_WORLD that returns errors. Collective.
  Handle duplicate_world();

  /// Frees the communicators that have gone and the operations, then MPI_Finalize. Collective.
  void close();
  bool is_open() const { return open_; }

  const Reductions& reductions() const { return *reductions_; }

 private:
  friend class Handle;
  Session() = default;
  void retire(long id, MPI_Comm communicator) noexcept;
  void free_retired(MPI_Comm everybody);

  bool owns_mpi_ = false;
  std::atomic<bool> open_{true};
  std::unique_ptr<Reductions> reductions_;
  std::mutex mutex_;
  long made_ = 0;
  std::map<long, MPI_Comm> retired_;  // by the number in which they were made: the same order on every rank
};

/// Owns one MPI communicator. MPI_Comm_free is collective, so the destructor only hands it to the session,
/// which frees it when all ranks have let go of it: at the next `duplicate` of all ranks, or in `close`.
class Handle {
 public:
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&&) = delete;
  ~Handle();

  /// Throws CommError after Session::close.
  MPI_Comm get() const;
  Session& session() const { return *session_; }

  /// Collective.
  Handle duplicate() const;
  /// The ranks that give the same `color`, ordered by `key`. Collective.
  Handle split(int color, int key) const;
  /// The ranks of this host, in order. Collective.
  Handle split_by_host() const;

 private:
  friend class Session;
  Handle(std::shared_ptr<Session> session, MPI_Comm original);
  std::shared_ptr<Session> session_;
  MPI_Comm communicator_ = MPI_COMM_NULL;
  long id_ = 0;
};

}  // namespace ringtrain::mpi
