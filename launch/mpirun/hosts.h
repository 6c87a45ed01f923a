#pragma once

#include <string>
#include <vector>

namespace ringtrain {

/// A machine of the job, and how many ranks it takes.
struct Host {
  std::string name;  ///< or address
  int ranks = 1;
};

/// "a:4,b:4"; without a number a host takes one rank, and each time it is named again one more. Throws
/// ConfigError.
std::vector<Host> parse_hosts(const std::string& text);

/// A host a line, as Open MPI and Slurm's users write them: "a slots=4", "a:4", or "a"; '#' begins a comment.
/// Throws ConfigError with file and line.
std::vector<Host> read_hostfile(const std::string& file);

/// As mpirun's --host takes them: "a:4,b:4".
std::string to_string(const std::vector<Host>& hosts);
int total_ranks(const std::vector<Host>& hosts);

/// Whether a name or address is this machine's: mpirun starts its ranks without a remote shell.
bool is_this_host(const std::string& name);

}  // namespace ringtrain
