#include "trainer/device.h"

#include <fmt/format.h>

#include "comm/agreement.h"
#include "comm/gpu.h"
#include "comm/nccl/nccl_library.h"
#include "common/errors.h"

namespace ringtrain {

std::string choose_device(World& world, const RunConfig& config) {
  const std::string& wanted = config.trainer.device;
  if (wanted == "cpu" || (wanted == "auto" && config.comm.backend == "mpi")) return "cpu";
  const Gpus gpus = find_gpus();
  std::string problem;
  if (!nccl::is_built())
    problem = "this build has no CUDA";
  else if (gpus.ids.empty())
    problem = gpus.why_none;
  else if (static_cast<int>(gpus.ids.size()) < world.local_size())
    problem = fmt::format("{} ranks share the {} GPUs of the host", world.local_size(), gpus.ids.size());
  const auto problems = all_gather_strings(world.control(), problem);
  for (std::size_t rank = 0; rank < problems.size(); ++rank) {
    if (problems[rank].empty()) continue;
    if (wanted == "auto") return "cpu";
    throw ConfigError(fmt::format(
        "trainer.device: cuda needs a GPU for each rank, and rank {} has none ({}); use trainer.device: cpu",
        rank, problems[rank]));
  }
  const std::string device = fmt::format("cuda:{}", world.local_rank());
  nccl::use_own_stream(device);
  return device;
}

}  // namespace ringtrain
