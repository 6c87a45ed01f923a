#include "comm/mpi/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "common/errors.h"

namespace ringtrain::mpi {
namespace {

void require_thread_multiple(int granted) {
  if (granted >= MPI_THREAD_MULTIPLE) return;
  const char* name = granted == MPI_THREAD_SERIALIZED ? "MPI_THREAD_SERIALIZED"
                     : granted == MPI_THREAD_FUNNELED ? "MPI_THREAD_FUNNELED"
                                                      : "MPI_THREAD_SINGLE";
  throw CommError(
      fmt::format("MPI gives {}, but ringtrain needs MPI_THREAD_MULTIPLE: several of its threads "
                  "communicate. Use an MPI library "
                  "built with it, or, in your own program, call MPI_Init_thread with MPI_THREAD_MULTIPLE",
                  name));
}

bool is_finalized() noexcept {
  int finalized = 0;
  MPI_Finalized(&finalized);
  return finalized != 0;
}

}  // namespace

bool Session::initialized_by_program() {
  int initialized = 0;
  MPI_Initialized(&initialized);
  return initialized && !is_finalized();
}

std::shared_ptr<Session> Session::start() {
  if (is_finalized())
    throw CommError("MPI was finalised earlier in this process and cannot be initialised a second time");

  static const OwnProcess first;  // a child's copy of MPI says that it is initialised, too
  first.require("World");
  std::shared_ptr<Session> session(new Session());
  int granted = MPI_THREAD_SINGLE;
  if (initialized_by_program()) {
    check(MPI_Query_thread(&granted), "MPI_Query_thread");
  } else {
    // Open MPI's put protocol over TCP halves the rate of a ring (docs/comm.md). A value that is set stays.
    ::setenv("OMPI_MCA_btl_tcp_flags", "send", 0);
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &granted), "MPI_Init_thread");
    session->owns_mpi_ = true;
    // Else MPI ends the process before we can say what failed.
    check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }
  require_thread_multiple(granted);
  session->reductions_ = std::make_unique<Reductions>();
  return session;
}

Session::~Session() = default;

Handle Session::duplicate(MPI_Comm original) {
  require_usable();
  return Handle(shared_from_this(), original, false);
}

void Session::require_open() const {
  if (!open_)
    throw CommError("a communicator is used after the world was closed; call World::close when all is done");
  if (is_finalized())
    throw CommError(
        "a communicator is used after MPI_Finalize; call World::close first, then MPI_Finalize, when all is "
        "done");
}

void Session::require_usable() const {
  process_.require("MPI");
  require_open();
}

bool Session::is_usable() const noexcept { return process_.here() && open_ && !is_finalized(); }

void Session::retire(long id, MPI_Comm communicator) noexcept {
  if (!process_.here()) return;  // whoever held the lock at the fork is not here
  const std::lock_guard lock(mutex_);
  if (open_) retired_.emplace(id, communicator);
}

// Those that are gone on every rank: the ranks agree over `everybody`, which has all of them. What one thread
// looks at another one does not see, so that two at once cannot free one twice.
void Session::free_retired(MPI_Comm everybody) {
  std::array<long, 64> offered;
  offered.fill(-1);
  {
    const std::lock_guard lock(mutex_);
    auto place = offered.begin();
    for (auto one = retired_.begin();
         one != retired_.end() && one->first < first_of_groups && place != offered.end(); ++one)
      *place++ = one->first;
  }
  check(MPI_Bcast(offered.data(), static_cast<int>(offered.size()), MPI_LONG, 0, everybody), "MPI_Bcast");
  std::uint64_t gone = 0;
  std::array<MPI_Comm, 64> mine;
  mine.fill(MPI_COMM_NULL);
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < offered.size(); ++i)
      if (const auto node = retired_.extract(offered[i])) {
        gone |= std::uint64_t{1} << i;
        mine[i] = node.mapped();
      }
  }
  check(MPI_Allreduce(MPI_IN_PLACE, &gone, 1, MPI_UINT64_T, MPI_BAND, everybody), "MPI_Allreduce");
  for (std::size_t i = 0; i < offered.size(); ++i) {
    if (mine[i] == MPI_COMM_NULL) continue;
    if (gone >> i & 1)
      check(MPI_Comm_free(&mine[i]), "MPI_Comm_free");
    else
      retire(offered[i], mine[i]);
  }
}

void Session::close() {
  if (!open_) return;
  require_usable();
  open_ = false;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, communicator] : retired_) check(MPI_Comm_free(&communicator), "MPI_Comm_free");
    retired_.clear();
  }
  reductions_->free();
  if (owns_mpi_) check(MPI_Finalize(), "MPI_Finalize");
}

Handle::Handle(std::shared_ptr<Session> session, MPI_Comm original, bool of_group)
    : session_(std::move(session)), of_group_(of_group) {
  check(MPI_Comm_dup(original, &communicator_), "MPI_Comm_dup");
  check(MPI_Comm_set_errhandler(communicator_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  const std::lock_guard lock(session_->mutex_);
  id_ = of_group ? Session::first_of_groups + session_->groups_made_++ : session_->made_++;
}

Handle::Handle(Handle&& other) noexcept
    : session_(std::move(other.session_)),
      communicator_(std::exchange(other.communicator_, MPI_COMM_NULL)),
      of_group_(other.of_group_),
      id_(other.id_) {}

Handle::~Handle() {
  if (session_ && communicator_ != MPI_COMM_NULL) session_->retire(id_, communicator_);
}

MPI_Comm Handle::get() const {
  session_->require_usable();
  return communicator_;
}

Handle Handle::duplicate() const {
  int size = 0, world_size = 0;
  check(MPI_Comm_size(get(), &size), "MPI_Comm_size");
  check(MPI_Comm_size(MPI_COMM_WORLD, &world_size), "MPI_Comm_size");
  if (size == world_size && !of_group_) session_->free_retired(get());
  return Handle(session_, get(), of_group_);
}

namespace {

// What a split gave, until it has been duplicated.
struct Part {
  MPI_Comm communicator = MPI_COMM_NULL;
  ~Part() {
    if (communicator != MPI_COMM_NULL) MPI_Comm_free(&communicator);
  }
};

}  // namespace

Handle Handle::split(int color, int key) const {
  Part part;
  check(MPI_Comm_split(get(), color, key, &part.communicator), "MPI_Comm_split");
  return Handle(session_, part.communicator, of_group_);
}

std::optional<Handle> Handle::group(const std::vector<int>& members) const {
  int rank = 0;
  check(MPI_Comm_rank(get(), &rank), "MPI_Comm_rank");
  const auto place = std::find(members.begin(), members.end(), rank) - members.begin();
  Part part;
  check(MPI_Comm_split(get(), members.empty() ? MPI_UNDEFINED : members.front(), static_cast<int>(place),
                       &part.communicator),
        "MPI_Comm_split");
  if (members.empty()) return {};
  return Handle(session_, part.communicator, true);
}

Handle Handle::split_by_host() const {
  Part part;
  check(MPI_Comm_split_type(get(), MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &part.communicator),
        "MPI_Comm_split_type");
  return Handle(session_, part.communicator, of_group_);
}

}  // namespace ringtrain::mpi
