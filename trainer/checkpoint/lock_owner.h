#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "comm/launcher.h"

namespace ringtrain {

/// The variable by which `--max-restarts` tells its attempts that they are of one run.
inline constexpr const char* kLaunchVariable = "RINGTRAIN_LAUNCH";

/// Who holds a job folder: what job.lock says.
struct LockOwner {
  enum class State { lives, ended, unknown };

  std::string host, boot, pid_namespace;  ///< a pid means something in these only
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;           ///< ticks since boot: a pid is given to others later
  std::string slurm_job, slurm_restarts;  ///< "" outside of Slurm
  std::string launch;                     ///< of kLaunchVariable; "" where nothing starts it again
  std::string since;                      ///< UTC
  std::string nonce;                      ///< nobody else's

  static LockOwner this_process(const launcher::Environment& get = launcher::from_process);
  std::string to_text() const;
  /// None for a text that is not (or not wholly) what `to_text` gave.
  static std::optional<LockOwner> from_text(const std::string& text);

  /// Whether that run goes on, as far as the process `me` can tell at once. It has ended when it is of this
  /// machine and its process is gone; when Slurm has started the same job again; when `me` is the next
  /// attempt of the same --max-restarts.
  State seen_by(const LockOwner& me) const;
  /// "pid 4711 on host node-02 (Slurm job 17), since 2026-01-05T12:00:03Z"
  std::string describe() const;
};

}  // namespace ringtrain
