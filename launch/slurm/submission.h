#pragma once

#include <string>
#include <vector>

namespace ringtrain::slurm {

/// A training job as `ringtrain submit` was asked for it.
struct Submission {
  std::string name;     ///< of the run
  std::string folder;   ///< where the job starts: paths of the configuration are relative to it
  std::string job_dir;  ///< absolute; the script and the log go there
  std::string program;  ///< the file that a rank is started with, absolute
  std::vector<std::string> arguments;  ///< of the program, for one rank
  int nodes = 1, ranks_per_node = 1, cpus_per_rank = 1, gpus_per_node = 0;
  std::string time, partition, account;  ///< empty: Slurm's own
  std::string container;                 ///< an image, in which ringtrain is on PATH; empty: none
  std::string launcher = "auto";         ///< "srun", "mpirun"
  std::vector<std::string> more;  ///< "key=value" or "key": further options of sbatch; they replace ours
};

/// The text of launch/templates/train.sbatch.
const char* default_template();

/// `text` with its @PLACEHOLDERS@ filled in. Throws ConfigError for one that is not known, for options that
/// are none, and for names with line breaks.
std::string render(const Submission& submission, const std::string& text);

/// Hands the script to sbatch; returns the job's number. Throws ConfigError with sbatch's reason and what to
/// do.
std::string submit(const std::string& script_file);

/// "PENDING (Resources)", and a second line where this will never end by itself. Empty when Slurm does not
/// say.
std::string state_of(const std::string& job);

}  // namespace ringtrain::slurm
