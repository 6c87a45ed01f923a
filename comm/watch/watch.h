#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "comm/watch/phase.h"

namespace ringtrain {

/// How long a rank may be silent, and how long it may stay in a phase without progress. Zero: for ever.
struct WatchLimits {
  using Seconds = std::chrono::duration<double>;
  Seconds silence{60};
  std::map<Phase, Seconds> stall;  ///< a phase that is not here: for ever
};

/// What a rank's monitor tells: its status, with the time in the phase measured by its own clock.
struct Beat {
  std::int32_t rank = 0;
  Phase phase = Phase::starting;
  std::int64_t step = 0, bucket = -1;
  double stalled = 0;  ///< seconds without progress in this phase
};

/// Decides from beats who is to blame when nothing goes on. It only thinks: time is what the caller says.
///
/// Two detectors. A rank of which nothing was heard for `silence` is dead, stopped, or cut off. A rank that
/// beats, but stays in a phase beyond its limit, hangs there; ranks that wait for others are not blamed for
/// it, and of several the one that is furthest behind is. When the watcher itself was not run for a while (a
/// stopped process, a sleeping machine) it knows nothing of that while, and begins anew.
class Watch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// `watched`: the ranks that beats are expected of. `names`: of all ranks, "host node-02, pid 4711".
  /// `interval`: between calls of `verdict`.
  Watch(WatchLimits limits, const std::vector<int>& watched, std::vector<std::string> names,
        WatchLimits::Seconds interval, Time now);

  void heard(const Beat& beat, Time now);
  /// What is wrong, naming the rank; none while all is well.
  std::optional<std::string> verdict(Time now);

 private:
  struct Heard {
    Time when;
    Beat beat;
  };
  void excuse_own_absence(Time now);
  std::optional<std::string> silent(Time now) const;
  std::optional<std::string> stalled() const;
  std::string who(int rank) const;
  std::optional<WatchLimits::Seconds> limit_of(Phase phase) const;

  WatchLimits limits_;
  std::vector<std::string> names_;
  WatchLimits::Seconds interval_;
  std::map<int, Heard> heard_;
  Time last_call_;
};

}  // namespace ringtrain
