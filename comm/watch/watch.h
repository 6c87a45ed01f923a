#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "comm/watch/phase.h"

namespace ringtrain {

/// How long a rank may be silent (stopped, its host or the network to it down), and how long it may stay in a
/// phase without progress. Zero, and a phase that is not there: for ever. By default that is so for
/// `starting` alone, in which a rank is that shows no phases.
struct WatchLimits {
  using Seconds = std::chrono::duration<double>;
  Seconds heartbeat_timeout{60};
  std::map<Phase, Seconds> stall_timeout{
      {Phase::loading, Seconds(600)},     {Phase::computing, Seconds(1800)},
      {Phase::updating, Seconds(1800)},   {Phase::waiting, Seconds(600)},
      {Phase::evaluating, Seconds(1800)}, {Phase::checkpointing, Seconds(3600)},
      {Phase::exporting, Seconds(3600)}};
  std::string prefix = "WatchLimits::";  ///< of their names in messages
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
/// Two detectors. A rank of which nothing was heard for `heartbeat_timeout` is dead, stopped, or cut off. A
/// rank that beats, but stays in a phase beyond its limit, hangs there; ranks that wait for others are not
/// blamed for it, and of several the one that is furthest behind is. A rank that said that it ends is heard
/// no more, and is to blame where all others wait. When the watcher itself was not run for a while (a stopped
/// process, a sleeping machine) it knows nothing of that while, and begins anew.
class Watch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// `watched`: the ranks that beats are expected of. `names`: of all ranks, "host node-02, pid 4711".
  /// `interval`: between calls of `verdict`.
  Watch(WatchLimits limits, const std::vector<int>& watched, std::vector<std::string> names,
        WatchLimits::Seconds interval, Time now);

  void heard(const Beat& beat, Time now);
  /// From here on beats of `rank` are expected too.
  void expect(int rank, Time now) { heard_.try_emplace(rank, Heard{now, {.rank = rank}}); }
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
  std::optional<std::string> waiting_for_ever() const;
  std::string who(int rank) const;
  std::optional<WatchLimits::Seconds> limit_of(Phase phase) const;

  WatchLimits limits_;
  std::vector<std::string> names_;
  WatchLimits::Seconds interval_;
  std::map<int, Heard> heard_;
  Time last_call_;
};

}  // namespace ringtrain
