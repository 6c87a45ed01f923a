#include "comm/world.h"

#include <fmt/format.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "comm/launcher.h"
#include "comm/local/local_communicator.h"
#include "comm/mpi/mpi_beat_link.h"
#include "comm/mpi/mpi_communicator.h"
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

}  // namespace

bool World::launched_by_mpi() { return launcher::started_rank(); }

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
  control_ = std::make_unique<mpi::MpiCommunicator>(session_->duplicate_world());
  rank_ = control_->rank();
  world_size_ = control_->world_size();
  if (!given) require_announced(world_size_);

  MPI_Comm host_ranks = MPI_COMM_NULL;
  mpi::check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host_ranks),
             "MPI_Comm_split_type");
  mpi::check(MPI_Comm_rank(host_ranks, &local_rank_), "MPI_Comm_rank");
  mpi::check(MPI_Comm_size(host_ranks, &local_size_), "MPI_Comm_size");
  mpi::check(MPI_Comm_free(&host_ranks), "MPI_Comm_free");
  if (const char* folder = std::getenv(kBeaconFolder)) beacon_->show_in(folder, rank_, host_);
}

World::~World() {
  if (!session_ || !control_ || !session_->is_usable()) return;
  // The process goes on to its end; a launcher that sees it leave without MPI_Finalize ends the other ranks.
  log::warn("this rank ends without closing the world: the launcher will end the other ranks");
}

std::unique_ptr<BeatLink> World::make_beat_link() {
  if (!session_ || world_size_ == 1) return nullptr;
  return std::make_unique<mpi::MpiBeatLink>(session_->duplicate_world());
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
