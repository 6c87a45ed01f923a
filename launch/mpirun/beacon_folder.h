#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "comm/watch/beacon.h"

namespace ringtrain {

/// A folder in memory in which the ranks of this machine show what they are doing (comm/watch/beacon.h),
/// while this object lives. Where none can be made, none is shown. Those of processes that were killed, and
/// could not remove them, are removed by the next one; a lock, which goes with its process, tells.
class BeaconFolder {
 public:
  BeaconFolder();
  ~BeaconFolder();
  BeaconFolder(const BeaconFolder&) = delete;
  BeaconFolder& operator=(const BeaconFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  /// None for a rank of another machine, or one that never came so far.
  std::optional<RankStatus> of(int rank) const;
  /// Ends the ranks of this machine that outlived their launcher: those of `ranks` that still run `program`.
  void end_left_over_ranks(int ranks, const std::string& program) const;

 private:
  bool make_in(const std::filesystem::path& parent);
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace ringtrain
