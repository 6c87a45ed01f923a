#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "comm/own_process.h"
#include "comm/watch/beacon.h"
#include "comm/watch/beat_link.h"
#include "comm/watch/watch.h"

namespace ringtrain {

/// A thread of each rank that tells the others what this rank is doing, and looks at what they tell. Beats go
/// to rank 0, which watches all; rank 1 watches rank 0, and all when rank 0 has ended. So a rank sends one
/// small message an interval, whatever the number of ranks.
class Monitor {
 public:
  struct Options {
    WatchLimits limits;
    std::vector<std::string> names;  ///< of all ranks: "host node-02, pid 4711"
    /// Called once, on the monitor's thread, with what is wrong: it ends the job.
    std::function<void(const std::string& text)> on_trouble;
    bool has_launcher = false;  ///< whether this process ends when the one that started it is gone
  };
  /// `beacon` outlives this. `link`: null for one rank.
  Monitor(const Beacon& beacon, std::unique_ptr<BeatLink> link, Options options);
  /// Tells the others that this rank ends: they do not miss its beats. In a child process (fork), which has
  /// no thread, it does nothing.
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

 private:
  void run();
  Beat mine() const;
  void take_leave(Watch& watch, int rank, Watch::Time now);
  const Beacon& beacon_;
  std::unique_ptr<BeatLink> link_;
  Options options_;
  int rank_ = 0, ranks_ = 1;
  int watcher_ = 0;  // of all ranks
  struct Thread {
    std::mutex mutex;
    std::condition_variable stopping;
    bool stop = false;
    std::thread thread;
  };
  OwnProcess process_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace ringtrain
