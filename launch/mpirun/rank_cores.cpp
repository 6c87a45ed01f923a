#include "launch/mpirun/rank_cores.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <type_traits>

#include "comm/gpu.h"
#include "common/log.h"
#include "launch/mpirun/cores.h"

namespace ringtrain {
namespace {

/// The allowed cores of each memory node that has some.
std::vector<std::vector<int>> nodes_of(hwloc_topology_t topology, const std::vector<int>& allowed) {
  std::vector<std::vector<int>> nodes;
  for (hwloc_obj_t node = nullptr; (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node));) {
    std::vector<int> cores;
    for (const int core : allowed)
      if (hwloc_bitmap_isset(node->cpuset, static_cast<unsigned>(core))) cores.push_back(core);
    if (!cores.empty()) nodes.push_back(std::move(cores));
  }
  return nodes;
}

/// Those of the allowed cores that are nearest to a PCI device; empty: not known.
std::vector<int> cores_at(hwloc_topology_t topology, const std::string& pci,
                          const std::vector<int>& allowed) {
  const hwloc_obj_t device = hwloc_get_pcidev_by_busidstring(topology, pci.c_str());
  if (!device) return {};
  const hwloc_obj_t near = hwloc_get_non_io_ancestor_obj(topology, device);
  std::vector<int> cores;
  for (const int core : allowed)
    if (near && hwloc_bitmap_isset(near->cpuset, static_cast<unsigned>(core))) cores.push_back(core);
  return cores;
}

std::string pci_of(const std::string& device) {
  if (!device.starts_with("cuda:")) return "";
  const auto gpus = find_gpus();
  const auto number = static_cast<std::size_t>(std::atoi(device.c_str() + 5));
  return number < gpus.pci.size() ? gpus.pci[number] : "";
}

using Topology = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, decltype(&hwloc_topology_destroy)>;

Topology this_machine() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return {nullptr, hwloc_topology_destroy};
  Topology owned(topology, hwloc_topology_destroy);
  hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
  if (hwloc_topology_load(topology) != 0) owned.reset();
  return owned;
}

/// Most machines have one: they need no look at their topology, which takes tens of milliseconds.
bool has_several_nodes() { return std::filesystem::exists("/sys/devices/system/node/node1"); }

}  // namespace

std::optional<std::vector<int>> cores_near(hwloc_topology_t topology, const RankSeat& seat) {
  const auto nodes = nodes_of(topology, seat.allowed);
  if (nodes.size() < 2) return std::nullopt;
  std::vector<int> cores;
  if (!seat.pci.empty())
    cores = cores_at(topology, seat.pci, seat.allowed);
  else if (static_cast<std::size_t>(seat.local_size) >= nodes.size())
    cores = nodes[static_cast<std::size_t>(seat.local_rank) * nodes.size() /
                  static_cast<std::size_t>(seat.local_size)];
  const bool enough = cores.size() >= static_cast<std::size_t>(std::max(1, seat.threads));
  if (!enough || cores.size() == seat.allowed.size()) return std::nullopt;
  return cores;
}

void bind_near(const World& world, const std::string& device, int threads) {
  const char* wanted = std::getenv("RINGTRAIN_BIND");
  if ((wanted && std::string(wanted) == "none") || !has_several_nodes()) return;
  const auto topology = this_machine();
  if (!topology) return;
  const RankSeat seat{world.local_rank(), world.local_size(), threads, pci_of(device), usable_cores()};
  const auto cores = cores_near(topology.get(), seat);
  if (!cores) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : *cores) CPU_SET(core, &set);
  if (::sched_setaffinity(0, sizeof set, &set) == 0)
    log::info(fmt::format("keeps to the {} cores near {}: {}", cores->size(),
                          seat.pci.empty() ? "its memory" : "its GPU", fmt::join(*cores, ",")));
}

}  // namespace ringtrain
