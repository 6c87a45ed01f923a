#pragma once

#include <hwloc.h>

#include <optional>
#include <string>
#include <vector>

#include "comm/world.h"

namespace ringtrain {

/// What decides where the threads of a rank should run.
struct RankSeat {
  int local_rank = 0, local_size = 1;
  int threads = 1;
  std::string pci;           ///< of its GPU, "0000:3b:00.0"; empty: it trains on the CPU
  std::vector<int> allowed;  ///< cores that it may use
};

/// The cores of the memory node (socket, or part of one) that a rank should keep to: the one near its GPU; on
/// CPUs the ranks of a host are dealt to the nodes in turn. None where it should be left alone: a machine of
/// one node, a rank that was bound to one already (by Slurm, mpirun, a container), fewer ranks than nodes, or
/// a node with fewer cores than the rank has threads.
std::optional<std::vector<int>> cores_near(hwloc_topology_t topology, const RankSeat& seat);

/// Binds the calling thread, and those that it starts from here on, to `cores_near` of this machine, and logs
/// it; RINGTRAIN_BIND=none in the environment prevents it. `device`: "cpu" or "cuda:N".
void bind_near(const World& world, const std::string& device, int threads);

}  // namespace ringtrain
