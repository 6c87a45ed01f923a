#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "trainer/checkpoint/checkpoint_store.h"

namespace ringtrain {

/// Writes checkpoints on a thread of its own, one after the other. A checkpoint that cannot be written (a
/// full disk) is reported, and the next one is tried: training goes on, and what was there before is still
/// there.
class CheckpointWriter {
 public:
  /// What became of one.
  struct Report {
    std::int64_t step = 0;
    std::filesystem::path folder{};
    std::uint64_t bytes = 0;  ///< of tensors
    double seconds = 0;       ///< that the writing took, behind training's back
    std::string error{};      ///< "": it is whole, on the disk
  };

  /// `store` outlives this.
  CheckpointWriter(const CheckpointStore& store, const Retention& retention);
  /// Waits for what is under way.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// Waits until the one before is done with: its tensors may be changed then.
  void wait();
  /// Returns at once. The tensors of `checkpoint` stay as they are until `wait` has returned.
  /// `parts`: see CheckpointStore::save.
  void write(Checkpoint checkpoint, bool is_best, int parts = 1);
  /// The part of a rank that is not 0.
  void write_part(std::int64_t step, int rank, NamedTensors optimizer);
  /// What was finished since it was asked last, in order.
  std::vector<Report> take_reports();

 private:
  void run();
  void begin(std::int64_t step, std::uint64_t bytes, std::function<std::filesystem::path()> save);

  const CheckpointStore& store_;
  Retention retention_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::pair<Report, std::function<std::filesystem::path()>>> waiting_;
  bool busy_ = false, stop_ = false;
  std::vector<Report> reports_;
  std::thread thread_;
};

}  // namespace ringtrain
