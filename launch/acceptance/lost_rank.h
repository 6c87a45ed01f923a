#pragma once

#include <atomic>
#include <filesystem>
#include <thread>

namespace ringtrain::acceptance {

/// Kills a rank of this machine that trains into `job_dir`, once it has written a checkpoint: the last one
/// that is here. Does so on a thread of its own, as long as this object lives.
class LostRank {
 public:
  explicit LostRank(std::filesystem::path job_dir);
  /// Its process; 0: none was killed so far.
  int killed() const { return killed_; }

 private:
  void run(const std::stop_token& stop);
  std::filesystem::path job_dir_;
  std::atomic<int> killed_{0};
  std::jthread thread_;  // last: it uses the others
};

}  // namespace ringtrain::acceptance
