#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "comm/own_process.h"
#include "comm/watch/phase.h"

namespace ringtrain {

/// What a rank shows of itself, at one moment. Times are of CLOCK_MONOTONIC of its host, in nanoseconds.
struct RankStatus {
  std::int64_t pid = 0;
  Phase phase = Phase::starting;
  std::int64_t step = 0;     ///< that it works on, from 1; 0 before the first
  std::int64_t bucket = -1;  ///< of gradients that it waits for; -1: none
  std::int64_t since = 0;    ///< when it came to this phase, or made progress in it
  std::string host;

  /// "loading a batch, step 12", "waiting for the other ranks, step 12, bucket 3"
  std::string doing() const;
};

/// Where a rank shows what it is doing, for its own monitor, for the other ranks, and, in a file, for the
/// program that started it: what is in the file outlives the process. Any thread may show and read; showing
/// costs a few stores and the reading of a clock. What a child process (fork) would show is not its parent's
/// state: it shows nothing.
class Beacon {
 public:
  /// In memory alone.
  Beacon();
  ~Beacon();
  Beacon(const Beacon&) = delete;
  Beacon& operator=(const Beacon&) = delete;

  /// From here on in FOLDER/rank-N too, where the folder is there: a launcher on the same host made it.
  void show_in(const std::filesystem::path& folder, int rank, const std::string& host);

  void enter(Phase phase, std::int64_t step, std::int64_t bucket = -1);
  /// Another phase of the same step.
  void enter(Phase phase);
  /// Goes on in the same phase: the next batch of an evaluation.
  void progress();
  RankStatus status() const;

  /// What FOLDER/rank-N holds; none where there is no such file, or another one.
  static std::optional<RankStatus> read(const std::filesystem::path& folder, int rank);

 private:
  struct Shown;
  void release();
  OwnProcess process_;
  Shown* shown_;
  bool mapped_ = false;
};

/// The environment variable by which a launcher names the folder.
constexpr const char* kBeaconFolder = "RINGTRAIN_BEACONS";

}  // namespace ringtrain
