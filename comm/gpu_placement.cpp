#include "comm/gpu_placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace ringtrain {
namespace {

/// Where a rank would have to share a GPU: the one with the fewest ranks.
std::size_t least_used(const RankGpus& rank, const std::map<std::string, std::vector<int>>& users) {
  const auto count = [&](const std::string& id) {
    const auto found = users.find(id);
    return found == users.end() ? 0 : found->second.size();
  };
  const auto least = std::min_element(rank.ids.begin(), rank.ids.end(),
                                      [&](const auto& a, const auto& b) { return count(a) < count(b); });
  return static_cast<std::size_t>(least - rank.ids.begin());
}

GpuPlacement place(const std::vector<RankGpus>& ranks) {
  GpuPlacement placement;
  std::map<std::string, std::map<std::string, std::vector<int>>> users_of;  // by host and GPU
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const RankGpus& rank = ranks[r];
    const int number = static_cast<int>(r);
    if (rank.ids.empty()) return {.problem = rank.why_none, .rank = number};
    auto& users = users_of[rank.host];
    const std::size_t device = least_used(rank, users);
    for (const int other : users[rank.ids[device]]) {
      const std::string& theirs = ranks[static_cast<std::size_t>(other)].nccl_host_id;
      if (!rank.nccl_host_id.empty() && rank.nccl_host_id != theirs) continue;
      return {.problem = fmt::format(
                  "ranks {} and {} of host {} would share {}, and NCCL wants a GPU for each; start "
                  "as many ranks as there are GPUs, or let Slurm give each task its own "
                  "(--gpus-per-task=1), or try it out with trainer.share_gpus: true",
                  other, number, rank.host, rank.ids[device]),
              .rank = number};
    }
    users[rank.ids[device]].push_back(number);
    placement.devices.push_back(static_cast<int>(device));
  }
  return placement;
}

}  // namespace

GpuPlacement place_on_gpus(const std::vector<RankGpus>& ranks, bool share) {
  GpuPlacement alone = place(ranks);
  if (alone.problem.empty() || !share) return alone;
  std::vector<RankGpus> sharing = ranks;
  std::vector<std::string> host_ids;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    host_ids.push_back(fmt::format("{}-rank-{}", ranks[r].host, r));
    sharing[r].nccl_host_id = host_ids[r];
  }
  GpuPlacement placement = place(sharing);
  if (placement.problem.empty()) placement.nccl_host_ids = std::move(host_ids);
  return placement;
}

}  // namespace ringtrain
