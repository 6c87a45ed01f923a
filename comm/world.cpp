#include "comm/world.h"

#include <fmt/format.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "comm/groups.h"
#include "comm/launcher.h"
#include "comm/local/local_communicator.h"
#include "comm/mpi/mpi_beat_link.h"
#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/ranks.h"
#include "common/errors.h"
#include "common/log.h"

namespace ringtrain {
namespace {

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

// A launcher whose start-up protocol MPI does not speak gives many worlds of one rank.
void require_announced(int world_size) {
  const int announced = launcher::announced_ranks();
  if (announced == 0 || announced == world_size) return;
  throw CommError(
      fmt::format("the launcher started {} ranks, but MPI sees {}: this MPI library does not speak the "
                  "launcher's protocol. With Slurm "
                  "use srun --mpi=pmix; else use the mpirun of the MPI that ringtrain was built with",
                  announced, world_size));
}

void require_ranks(MPI_Comm communicator) {
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (!initialized)
    throw CommError(
        "World of a communicator: MPI is not initialised; call MPI_Init_thread with MPI_THREAD_MULTIPLE "
        "before it");
  if (communicator == MPI_COMM_NULL)
    throw CommError(
        "World of a communicator: it is MPI_COMM_NULL, which MPI_Comm_split gives a process that is in no "
        "group; "
        "such a process makes no world");
  int finalized = 0, joins_two = 0;
  MPI_Finalized(&finalized);
  if (!finalized) mpi::check(MPI_Comm_test_inter(communicator, &joins_two), "MPI_Comm_test_inter");
  if (joins_two)
    throw CommError(
        "World of a communicator: it joins two groups (an intercommunicator); make one of it with "
        "MPI_Intercomm_merge");
}

}  // namespace

bool World::launched_by_mpi() { return launcher::started_rank(); }

World::World(Alone)
    : host_(host_name()),
      control_(std::make_unique<LocalCommunicator>(closed_)),
      beacon_(std::make_unique<Beacon>()) {}

World::World(const mpi::Ranks& ranks) : host_(host_name()), beacon_(std::make_unique<Beacon>()) {
  require_ranks(ranks.communicator);
  session_ = mpi::Session::start();
  join(ranks);
}

World::World() : host_(host_name()), beacon_(std::make_unique<Beacon>()) {
  const bool given = mpi::Session::initialized_by_program();
  if (!given && !launched_by_mpi()) {
    control_ = std::make_unique<LocalCommunicator>(closed_);
    return;
  }
  if (!given)
    if (const auto problem = launcher::mismatch(launcher::from_process, launcher::MpiLibrary::of_process())) {
      CommError error(*problem);
      error.mark_agreed();  // every rank finds the same
      throw error;
    }
  session_ = mpi::Session::start();
  join(MPI_COMM_WORLD);
  if (!given) require_announced(world_size_);
  if (const char* folder = std::getenv(kBeaconFolder)) beacon_->show_in(folder, rank_, host_);
}

void World::join(const mpi::Ranks& ranks) {
  auto control = std::make_unique<mpi::MpiCommunicator>(session_->duplicate(ranks.communicator));
  const MPI_Comm ours = control->handle().get();
  control_ = std::move(control);
  rank_ = control_->rank();
  world_size_ = control_->world_size();
  MPI_Comm host_ranks = MPI_COMM_NULL;
  mpi::check(MPI_Comm_split_type(ours, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host_ranks),
             "MPI_Comm_split_type");
  mpi::check(MPI_Comm_rank(host_ranks, &local_rank_), "MPI_Comm_rank");
  mpi::check(MPI_Comm_size(host_ranks, &local_size_), "MPI_Comm_size");
  mpi::check(MPI_Comm_free(&host_ranks), "MPI_Comm_free");
}

World::~World() {
  if (!session_ || !control_ || !session_->is_usable()) return;
  // The process goes on; a launcher that sees it end without MPI_Finalize ends the other ranks.
  if (session_->owns_mpi())
    log::warn("this rank ends without closing the world: the launcher will end the other ranks");
  else
    log::warn("a world is dropped without World::close: its ranks did not meet, its communicators stay");
}

std::unique_ptr<BeatLink> World::make_beat_link() {
  if (!session_ || world_size_ == 1) return nullptr;
  return std::make_unique<mpi::MpiBeatLink>(
      dynamic_cast<mpi::MpiCommunicator&>(control()).handle().duplicate());
}

std::unique_ptr<World> World::split(std::optional<int> color, int key) {
  const auto members = members_of_group(control(), color, key);
  if (!session_) return members.empty() ? nullptr : std::unique_ptr<World>(new World(Alone{}));
  const auto group = dynamic_cast<mpi::MpiCommunicator&>(control()).handle().group(members);
  return group ? std::make_unique<World>(mpi::Ranks(group->get())) : nullptr;
}

Communicator& World::control() {
  if (!control_) throw CommError("the world's control communicator is used after World::close");
  return *control_;
}

void World::close() {
  if (!control_) return;
  control_->barrier();
  control_.reset();
  *closed_ = true;
  if (session_) session_->close();
}

}  // namespace ringtrain
