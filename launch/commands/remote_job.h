#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "storage/folder_copy.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// The folder of this machine that a run works in: job_dir, or the copy of a job_dir in an object store.
std::filesystem::path local_job_folder(const RunConfig& config);

/// A run's place in an object store, kept up with its folder on this machine by a thread of its own: what
/// there is to take is fetched first; each checkpoint is put when it is whole here; `finish` puts the rest.
/// Rank 0's.
class RemoteJob {
 public:
  /// Fetches. Throws DataError.
  RemoteJob(const Location& place, const std::filesystem::path& folder);
  /// Puts what there is without a word where that fails: the run has failed, and has said why.
  ~RemoteJob();
  RemoteJob(const RemoteJob&) = delete;
  RemoteJob& operator=(const RemoteJob&) = delete;
  /// Puts all that is left, and says where. Throws DataError.
  void finish();

 private:
  void keep_up();
  void end_thread();

  CopyLock lock_;
  FolderCopy copy_;
  std::filesystem::path folder_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false, finished_ = false;
  std::thread thread_;
};

}  // namespace ringtrain
