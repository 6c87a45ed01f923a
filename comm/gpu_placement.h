#pragma once

#include <string>
#include <vector>

namespace ringtrain {

/// What a rank may use.
struct RankGpus {
  std::string host;
  std::vector<std::string> ids;  ///< as Gpus::ids: device cuda:N of this rank is ids[N]
  std::string why_none;
  std::string nccl_host_id;  ///< NCCL_HOSTID of its environment
};

struct GpuPlacement {
  std::string problem{};       ///< empty: every rank has a GPU
  int rank = -1;               ///< whose problem it is
  std::vector<int> devices{};  ///< by rank: N of cuda:N
  /// By rank: what NCCL_HOSTID has to be so that ranks may share a GPU. Empty where each has its own.
  std::vector<std::string> nccl_host_ids{};
};

/// A GPU of its own for each rank: of those that it sees, the first that no earlier rank of its host has
/// taken. So it is right where all ranks of a host see all of its GPUs (mpirun), and where each sees its own
/// alone (Slurm's --gpus-per-task, MIG slices). Two ranks on one GPU are a problem, since NCCL refuses them,
/// unless each has another NCCL_HOSTID; with `share` each is given one where they would be too many.
GpuPlacement place_on_gpus(const std::vector<RankGpus>& ranks, bool share = false);

}  // namespace ringtrain
