#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "comm/mpi/mpi_api.h"
#include "comm/mpi/reductions.h"
#include "comm/own_process.h"

namespace ringtrain::mpi {

class Handle;

/// MPI in this process, from MPI_Init_thread to MPI_Finalize. A program that initialised MPI itself keeps it:
/// then it is neither initialised nor finalised here. Shared by the world and its communicators.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// Whether the program has already initialised MPI.
  static bool initialized_by_program();

  /// Throws CommError when MPI was finalised before, does not give MPI_THREAD_MULTIPLE, or was started by the
  /// process that this one is a child of (fork).
  static std::shared_ptr<Session> start();

  /// Leaves MPI as it is when `close` was not called: no collective in a destructor.
  ~Session();

  /// A duplicate of `original`, which stays its owner's, that returns errors. Collective over its ranks.
  Handle duplicate(MPI_Comm original);

  /// Frees the communicators that have gone and the operations, then MPI_Finalize. Throws CommError when the
  /// program has called MPI_Finalize before. Collective.
  void close();
  bool owns_mpi() const { return owns_mpi_; }
  /// Throws CommError after `close`, and after the program's own MPI_Finalize.
  void require_open() const;
  /// The same, and in a child process (fork).
  void require_usable() const;
  /// What a destructor asks before it calls MPI.
  bool is_usable() const noexcept;

  const Reductions& reductions() const { return *reductions_; }

 private:
  friend class Handle;
  Session() = default;
  void retire(long id, MPI_Comm communicator) noexcept;
  void free_retired(MPI_Comm everybody);

  OwnProcess process_;
  bool owns_mpi_ = false;
  std::atomic<bool> open_{true};
  std::unique_ptr<Reductions> reductions_;
  std::mutex mutex_;
  // Numbers of communicators that all ranks make are the same everywhere; of groups (Handle::group) they are
  // not, so that those are freed in `close` alone.
  static constexpr long first_of_groups = 1L << 40;
  long made_ = 0, groups_made_ = 0;
  // In the order in which they were made: ranks free what they share in the same order, also where each is
  // in other groups.
  std::map<long, MPI_Comm> retired_;
};

/// Owns one MPI communicator. MPI_Comm_free is collective, so the destructor only hands it to the session,
/// which frees it when all ranks have let go of it: at the next `duplicate` of all ranks, or in `close`.
class Handle {
 public:
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&&) = delete;
  ~Handle();

  /// Throws CommError where Session::require_usable does.
  MPI_Comm get() const;
  Session& session() const { return *session_; }

  /// Collective.
  Handle duplicate() const;
  /// The ranks that give the same `color`, ordered by `key`. Collective.
  Handle split(int color, int key) const;
  /// The ranks `members` of this one, in their order, of which this rank is one; none where there are none.
  /// Collective over all ranks.
  std::optional<Handle> group(const std::vector<int>& members) const;
  /// The ranks of this host, in order. Collective.
  Handle split_by_host() const;

 private:
  friend class Session;
  Handle(std::shared_ptr<Session> session, MPI_Comm original, bool of_group);
  std::shared_ptr<Session> session_;
  MPI_Comm communicator_ = MPI_COMM_NULL;
  bool of_group_ = false;  ///< other ranks may have made none, or another one
  long id_ = 0;
};

}  // namespace ringtrain::mpi
