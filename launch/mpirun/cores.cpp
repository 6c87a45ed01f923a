#include "launch/mpirun/cores.h"

#include <sched.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

/// "max 100000" or "150000 100000": microseconds in each period.
std::optional<double> quota_v2(const fs::path& file) {
  std::ifstream stream(file);
  std::string quota;
  double period = 0;
  if (!(stream >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  return std::stod(quota) / period;
}

std::optional<double> quota_v1(const fs::path& folder) {
  double quota = -1, period = 0;
  std::ifstream(folder / "cpu.cfs_quota_us") >> quota;
  std::ifstream(folder / "cpu.cfs_period_us") >> period;
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

void take_smaller(std::optional<double>& least, const std::optional<double>& other) {
  if (other && (!least || *other < *least)) least = other;
}

}  // namespace

std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

// Lines of the file: "0::/path" (version 2), "4:cpu,cpuacct:/path" (version 1). Each group above limits too.
std::optional<double> cpu_quota(const std::string& root, const std::string& self) {
  std::optional<double> least;
  std::ifstream groups(self);
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool version_2 = controllers.empty();
    if (!version_2 && ("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
    const fs::path base = version_2 ? fs::path(root) : fs::path(root) / controllers;
    for (fs::path path = line.substr(second + 1);; path = path.parent_path()) {
      const fs::path folder = base / path.relative_path();
      take_smaller(least, version_2 ? quota_v2(folder / "cpu.max") : quota_v1(folder));
      if (path == path.parent_path()) break;
    }
  }
  return least;
}

}  // namespace ringtrain
