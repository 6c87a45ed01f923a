#pragma once

#include <optional>
#include <string>

#include "comm/launcher.h"

namespace ringtrain::slurm {

/// What Slurm gave to the shell or batch script that this process runs in.
struct Allocation {
  std::string job;    ///< its number
  std::string nodes;  ///< as Slurm writes them: node[1-4]
  int tasks = 1;      ///< ranks that it has room for
};

/// None outside of a job, and in a process that srun or mpirun started as a rank. Throws ConfigError for
/// variables that cannot be read.
std::optional<Allocation> current_allocation(const launcher::Environment& get = launcher::from_process);

/// The sum of SLURM_TASKS_PER_NODE: "2(x3),1" is 7. Throws ConfigError.
int sum_of_tasks(const std::string& per_node);

}  // namespace ringtrain::slurm
