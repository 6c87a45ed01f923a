#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/finding.h"
#include "launch/doctor/measurements.h"

namespace ringtrain::doctor {

/// All that was found out about a set of hosts.
struct Examination {
  Layout layout;
  std::vector<nlohmann::json> hosts;    ///< host_facts of each
  std::vector<nlohmann::json> folders;  ///< folder_facts of each
  std::string folder, token;            ///< the job folder; what rank 0 wrote there
  double folder_bytes_a_second = 0;     ///< of rank 0
  std::string launcher;                 ///< "mpirun (Open MPI) 4.1.4"; empty: not known
  std::vector<Link> links;
  std::vector<double> clocks;
  AllReduce all_reduce;
};

/// What it means. What is alike on all hosts is said once.
Findings diagnose(const Examination& examination);

}  // namespace ringtrain::doctor
