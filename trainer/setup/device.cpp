#include "trainer/setup/device.h"

#include <ATen/Context.h>
#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "comm/agreement.h"
#include "comm/gpu.h"
#include "comm/gpu_placement.h"
#include "comm/nccl/nccl_library.h"
#include "common/errors.h"
#include "common/log.h"

namespace ringtrain {

std::string choose_device(World& world, const RunConfig& config) {
  const std::string& wanted = config.trainer.device;
  if (wanted == "cpu" || (wanted == "auto" && config.comm.backend == "mpi")) return "cpu";
  const Gpus gpus =
      nccl::is_built() ? find_gpus() : Gpus{.ids = {}, .pci = {}, .why_none = "this build has no CUDA"};
  const char* host_id = std::getenv("NCCL_HOSTID");
  const nlohmann::json mine{{"host", world.host()},
                            {"ids", gpus.ids},
                            {"why", gpus.why_none},
                            {"host_id", host_id ? host_id : ""},
                            {"has_gpu", !gpus.ids.empty() || has_nvidia_gpu()}};
  bool any_gpu = false;
  std::vector<RankGpus> ranks;
  for (const auto& text : all_gather_strings(world.control(), mine.dump())) {
    const auto one = nlohmann::json::parse(text);
    ranks.push_back({one["host"], one["ids"], one["why"], one["host_id"]});
    any_gpu = any_gpu || one["has_gpu"].get<bool>();
  }
  const GpuPlacement placement = place_on_gpus(ranks, config.trainer.share_gpus);
  if (!placement.problem.empty()) {
    if (wanted == "auto") {
      if (any_gpu && world.rank() == 0)
        log::warn(fmt::format(
            "training goes on on CPUs, though there are GPUs: rank {} (host {}) has none to use ({}). "
            "trainer.device: cpu is silent about it, and cuda an error",
            placement.rank, ranks[static_cast<std::size_t>(placement.rank)].host, placement.problem));
      return "cpu";
    }
    throw ConfigError(fmt::format(
        "trainer.device: cuda needs a GPU for each rank, and rank {} has none ({}); use trainer.device: cpu",
        placement.rank, placement.problem));
  }
  const auto rank = static_cast<std::size_t>(world.rank());
  if (!placement.nccl_host_ids.empty())
    ::setenv("NCCL_HOSTID", placement.nccl_host_ids[rank].c_str(), /*replace=*/1);
  std::string device = fmt::format("cuda:{}", placement.devices[rank]);
  nccl::use_own_stream(device);
  return device;
}

void set_gpu_arithmetic(const TrainerConfig& config) {
  auto& context = at::globalContext();
  context.setAllowTF32CuDNN(config.tf32 != "none");
  context.setAllowTF32CuBLAS(config.tf32 == "all");
  context.setBenchmarkCuDNN(config.cudnn_search);
}

}  // namespace ringtrain
