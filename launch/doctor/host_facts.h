#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ringtrain::doctor {

/// What this host is and allows, as an object:
///   host, versions {ringtrain, libtorch, mpi}, cores (that may be used), cpu_quota (cores' worth of time
///   that the cgroup gives; absent: no limit), memory (bytes, free), load, open_files, locked_memory (bytes;
///   -1: no limit), shm_free (bytes), copy (bytes a second that one thread copies), gpus [id], why_no_gpu,
///   gpu_topology (text), interfaces [{name, megabits (-1: does not say), addresses}] (up, without loopback),
///   infiniband [name], network_variables {name: value} (that choose an interface).
nlohmann::json host_facts();

/// The job folder as this host sees it: problem (empty: it can be written), free (bytes), type ("ext4"),
/// token (what rank 0 wrote there; empty: nothing). `token`: of rank 0, which writes it; else only reads.
nlohmann::json folder_facts(const std::string& folder, const std::string& token, bool writes);

/// Writes and syncs 64 MiB in the folder; bytes a second.
double folder_speed(const std::string& folder);

}  // namespace ringtrain::doctor
