#include "launch/commands/remote_job.h"

#include <fmt/format.h>
#include <pthread.h>

#include <chrono>
#include <string>

#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "storage/storage.h"

namespace ringtrain {
namespace {

/// The newest checkpoint's name and time; "" before the first.
std::string newest_of(const std::filesystem::path& folder) {
  const auto file = folder / "checkpoints" / "latest";
  std::error_code none;
  const auto time = std::filesystem::last_write_time(file, none);
  return none ? "" : fmt::format("{}", time.time_since_epoch().count());
}

/// What a run would find out after hours, with its first checkpoint.
void require_writable(const Location& place) {
  const auto storage = storage_of(place);
  const auto probe = place / ".writable";
  storage->put(probe, "A run of ringtrain begins here.\n");
  storage->remove(probe);
}

}  // namespace

std::filesystem::path local_job_folder(const RunConfig& config) {
  const Location place(config.job_dir);
  return place.is_remote() ? cache_of(place, "jobs") : place.local();
}

RemoteJob::RemoteJob(const Location& place, const std::filesystem::path& folder)
    : lock_(folder, /*waits=*/false), copy_(place, folder), folder_(folder) {
  ensure_writable_folder(folder_);
  require_writable(place);
  copy_.fetch("checkpoints");
  log::info(fmt::format("job folder {}: a copy of {}, put there with each checkpoint and at the end",
                        place.string(), folder_.string()));
  thread_ = std::thread([this] { keep_up(); });
}

RemoteJob::~RemoteJob() {
  end_thread();
  if (finished_) return;
  try {
    copy_.upload();
  } catch (const std::exception& error) {
    log::warn(fmt::format("what the run left in {} is not all in {}: {}", folder_.string(),
                          copy_.place().string(), error.what()));
  }
}

void RemoteJob::end_thread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void RemoteJob::keep_up() {
  ::pthread_setname_np(::pthread_self(), "job copy");
  std::string done = newest_of(folder_);
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, std::chrono::milliseconds(200), [this] { return stop_; })) {
    lock.unlock();
    if (auto newest = newest_of(folder_); newest != done) try {
        copy_.upload();
        done = std::move(newest);
      } catch (
          const std::exception& error) {  // the earlier ones are there still, and the next one takes it along
        log::warn(fmt::format("a checkpoint is not in {} yet: {}", copy_.place().string(), error.what()));
        done = std::move(newest);
      }
    lock.lock();
  }
}

void RemoteJob::finish() {
  end_thread();
  copy_.upload();
  finished_ = true;
  log::info(fmt::format("job folder {}: all of it is there", copy_.place().string()));
}

}  // namespace ringtrain
