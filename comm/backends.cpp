#include "comm/backends.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "comm/agreement.h"
#include "comm/gpu.h"
#include "comm/local/local_communicator.h"
#include "comm/mpi/mpi_communicator.h"
#include "comm/nccl/nccl_library.h"
#include "comm/ring/mpi_ring.h"
#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

bool is_cuda(const std::string& device) { return device.starts_with("cuda"); }

// The number in "cuda:1"; "cuda" is GPU 0.
std::size_t index_of(const std::string& device) {
  return device.size() > 5 ? static_cast<std::size_t>(std::atoi(device.c_str() + 5)) : 0;
}

// Each rank's host as NCCL tells hosts apart, and the GPU it computes on, or why it has none.
struct Seat {
  std::string host, gpu, why_none;
};

Seat own_seat(const World& world, const std::string& device) {
  const char* nccl_host = std::getenv("NCCL_HOSTID");
  Seat seat{.host = nccl_host ? nccl_host : world.host(), .gpu = {}, .why_none = {}};
  const Gpus gpus = find_gpus();
  if (gpus.ids.empty())
    seat.why_none = gpus.why_none;
  else if (!is_cuda(device))
    seat.why_none = fmt::format("its device is {}", device);
  else if (index_of(device) >= gpus.ids.size())
    seat.why_none = fmt::format("{} is not there: it sees {} GPU(s)", device, gpus.ids.size());
  else
    seat.gpu = gpus.ids[index_of(device)];
  return seat;
}

// Why the ranks cannot use NCCL; empty when they can. The same on every rank, since all see all seats.
// Collective.
std::string why_no_nccl(World& world, const std::string& device) {
  const Seat mine = own_seat(world, device);
  const auto hosts = all_gather_strings(world.control(), mine.host);
  const auto gpus = all_gather_strings(world.control(), mine.gpu);
  const auto reasons = all_gather_strings(world.control(), mine.why_none);
  std::map<std::pair<std::string, std::string>, std::size_t> taken;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    if (gpus[rank].empty())
      return fmt::format("rank {} on host {} has none ({})", rank, hosts[rank], reasons[rank]);
    const auto [seat, is_new] = taken.try_emplace({hosts[rank], gpus[rank]}, rank);
    if (!is_new)
      return fmt::format("ranks {} and {} on host {} share one ({})", seat->second, rank, hosts[rank],
                         gpus[rank]);
  }
  return {};
}

std::unique_ptr<Communicator> make_local(World& world, const std::string& device) {
  if (world.world_size() > 1)
    throw ConfigError(fmt::format(
        "comm.backend: local is for one rank, this job has {}; use comm.backend: auto", world.world_size()));
  if (is_cuda(device)) nccl::load();
  return std::make_unique<LocalCommunicator>(world.closed());
}

std::unique_ptr<Communicator> make_mpi(World& world, const std::string& device, const RingOptions& options) {
  if (world.control().backend() != "mpi")
    throw ConfigError(
        "comm.backend: mpi needs a process that an MPI launcher started; use mpirun, or --ranks, or "
        "comm.backend: auto");
  if (is_cuda(device))
    throw ConfigError(
        fmt::format("comm.backend: mpi moves tensors in host memory only, the device is {}; use "
                    "comm.backend: nccl, or device: cpu",
                    device));
  return ring::make_mpi_ring(dynamic_cast<mpi::MpiCommunicator&>(world.control()), options);
}

std::unique_ptr<Communicator> make_nccl(World& world, const std::string& device) {
  if (const std::string why = why_no_nccl(world, device); !why.empty())
    throw ConfigError(fmt::format("comm.backend: nccl needs a GPU for each rank; {}; use comm.backend: {}",
                                  why, world.world_size() == 1 ? "local" : "mpi"));
  together(world.control(), "loading the NCCL backend", nccl::load);
  return nccl::make(world.control(), device);
}

}  // namespace

std::vector<std::string> available_backends() {
  std::vector<std::string> names{"local", "mpi"};
  if (nccl::is_built()) names.push_back("nccl");
  return names;
}

std::string choose_backend(World& world, const std::string& device) {
  if (world.world_size() == 1) return "local";
  return nccl::is_built() && why_no_nccl(world, device).empty() ? "nccl" : "mpi";
}

std::unique_ptr<Communicator> make_communicator(World& world, const std::string& backend,
                                                const std::string& device, const RingOptions& ring) {
  agree_on(world.control(), "comm.backend", backend);
  agree_on(world.control(), "the kind of device", is_cuda(device) ? "cuda" : device);
  const std::string chosen = backend == "auto" ? choose_backend(world, device) : backend;
  const std::vector<std::string> known = available_backends();
  if (std::find(known.begin(), known.end(), chosen) == known.end())
    throw ConfigError(fmt::format("comm.backend: unknown '{}'; this build has: {}", chosen, join(known)));
  if (chosen == "local") return make_local(world, device);
  if (chosen == "mpi") return make_mpi(world, device, ring);
  return make_nccl(world, device);
}

}  // namespace ringtrain
