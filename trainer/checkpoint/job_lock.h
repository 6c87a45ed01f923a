#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/descriptor.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "trainer/checkpoint/lock_owner.h"

namespace ringtrain {

/// Another run holds the job folder: wait for it, stop it, or use another folder.
struct JobTakenError : Error {
  explicit JobTakenError(const std::string& text) : Error(text, ExitCode::configuration) {}
};

/// The right to write into a job folder, which one run has at a time: the file job.lock, that says who holds
/// it, and whose time of change is renewed while this object lives.
///
/// A lock that is there is taken over at once when its run is known to have ended (LockOwner::seen_by). Of
/// another machine nothing is known but the renewals: it is taken over when they have ceased for a minute.
/// Times are those of the file system alone, so that clocks need not agree. A run that was taken for dead and
/// is not finds out by `require`, before it changes anything that the other would miss.
///
/// Works where files can be linked or made exclusively (NFS from version 3 on). Not for several threads,
/// except `require`.
class JobLock {
 public:
  struct Options {
    std::chrono::milliseconds renew_every{10'000}, stale_after{60'000}, look_every{500};
    std::function<bool()> told_to_stop = nullptr;  ///< asked while it waits for another machine's run
  };
  /// Takes it; waits for at most `stale_after` to see whether another machine's run is alive. Throws
  /// JobTakenError that names the owner; Error of the file system; and Error with ExitCode::stopped when it
  /// was told to stop.
  explicit JobLock(std::filesystem::path folder, Options options);
  explicit JobLock(std::filesystem::path folder) : JobLock(std::move(folder), Options{}) {}
  /// Gives it back.
  ~JobLock();
  JobLock(const JobLock&) = delete;
  JobLock& operator=(const JobLock&) = delete;

  /// Reads the lock again. Throws JobTakenError when it is another's or gone, from then on for ever.
  void require() const;
  /// The same of what was seen last, at `require` or at a renewal: no file is read.
  void require_as_seen() const;
  bool lost() const;

 private:
  struct Seen;
  bool make();
  void take();
  Seen look() const;
  std::chrono::nanoseconds time_there() const;
  void take_over(const std::string& text);
  void renew();
  void note_loss(const std::string& text) const;

  std::filesystem::path folder_, file_, own_;  // own_: a name that is ours alone
  Options options_;
  LockOwner me_;
  Descriptor descriptor_;  // of the lock's file, whatever becomes of its name
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  mutable std::string loss_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ringtrain
