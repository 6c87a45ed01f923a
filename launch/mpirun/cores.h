#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ringtrain {

/// Numbers of the cores (hardware threads) that this process may run on: its affinity, which Slurm, mpirun,
/// taskset and cpusets of a cgroup set.
std::vector<int> usable_cores();

/// How many cores' worth of time the process's cgroup gives (`docker run --cpus`, a Kubernetes limit); none:
/// no limit. `root`: of the cgroup file system.
std::optional<double> cpu_quota(const std::string& root = "/sys/fs/cgroup",
                                const std::string& self = "/proc/self/cgroup");

}  // namespace ringtrain
