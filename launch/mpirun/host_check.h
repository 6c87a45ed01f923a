#pragma once

#include <string>
#include <vector>

#include "launch/mpirun/hosts.h"

namespace ringtrain {

/// What is wrong with each host ("" where nothing is), in their order. Throws ConfigError when there is no
/// remote shell to reach one.
std::vector<std::string> host_problems(const std::vector<Host>& hosts, const std::string& program,
                                       const std::string& mpirun);

/// Looks at every other host of the job before mpirun does, all at once: can it be reached by mpirun's remote
/// shell (OMPI_MCA_plm_rsh_agent, else ssh), are the working folder, Open MPI (`mpirun`'s own folder) and
/// this program there, and is it the same version. mpirun's own words for these say neither which nor why.
/// Takes at most 15 s. Throws ConfigError with a line for each host that will not do.
void check_hosts(const std::vector<Host>& hosts, const std::string& program, const std::string& mpirun);

}  // namespace ringtrain
