#include "trainer/checkpoint/job_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "common/exit_code.h"
#include "common/files.h"
#include "common/log.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using Time = std::chrono::nanoseconds;

constexpr std::size_t kMostText = 64 * 1024;

Time changed_at(const struct stat& about) {
  return std::chrono::seconds(about.st_mtim.tv_sec) + Time(about.st_mtim.tv_nsec);
}

bool write_whole(int descriptor, const std::string& text) {
  return ::pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

double seconds(Time time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

/// The lock's file at one moment; none: there is no such file.
struct JobLock::Seen {
  bool there = false;
  std::string text;
  Time changed{};
};

JobLock::JobLock(fs::path folder, Options options)
    : folder_(std::move(folder)),
      file_(folder_ / "job.lock"),
      options_(std::move(options)),
      me_(LockOwner::this_process()) {
  own_ = folder_ / fmt::format("job.lock.{}", me_.nonce);
  descriptor_ = Descriptor(::open(own_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!descriptor_ || !write_whole(descriptor_.get(), me_.to_text())) {
    const int reason = errno;
    ::unlink(own_.c_str());
    throw Error(fmt::format("cannot write {}: {}", file_.string(), std::strerror(reason)));
  }
  try {
    take();
  } catch (...) {
    ::unlink(own_.c_str());
    throw;
  }
  ::unlink(own_.c_str());
  thread_ = std::thread([this] { renew(); });
}

JobLock::~JobLock() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
  try {
    if (look().text == me_.to_text()) ::unlink(file_.c_str());
  } catch (const std::exception&) {  // another run takes it over in a minute
  }
}

/// The time of the folder's file system, by the same call as a renewal.
std::chrono::nanoseconds JobLock::time_there() const {
  struct stat about {};
  if (::futimens(descriptor_.get(), nullptr) != 0 || ::fstat(descriptor_.get(), &about) != 0)
    throw Error(fmt::format("cannot renew {}: {}", own_.string(), std::strerror(errno)));
  return changed_at(about);
}

/// Opened anew each time: it is then that NFS asks the server. One that is away may be back in a moment
/// (`take_over`).
JobLock::Seen JobLock::look() const {
  Descriptor file;
  for (int i = 0; i < 20; ++i) {
    file = Descriptor(::open(file_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file || errno != ENOENT) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    errno = ENOENT;
  }
  if (!file && errno == ENOENT) return {};
  Seen seen{.there = true, .text = std::string(kMostText, '\0'), .changed = {}};
  struct stat about {};
  const ssize_t size = file ? ::read(file.get(), seen.text.data(), seen.text.size()) : -1;
  if (size < 0 || ::fstat(file.get(), &about) != 0)
    throw Error(fmt::format("cannot read {}: {}", file_.string(), std::strerror(errno)));
  seen.text.resize(static_cast<std::size_t>(size));
  seen.changed = changed_at(about);
  return seen;
}

/// Returns whether the lock is ours now; false: there is one.
bool JobLock::make() {
  time_there();
  if (::link(own_.c_str(), file_.c_str()) == 0) return true;
  const int reason = errno;
  struct stat about {};
  // The answer of a server may be lost, and the call be made twice.
  if (::fstat(descriptor_.get(), &about) == 0 && about.st_nlink == 2) return true;
  if (reason == EEXIST) return false;
  // No links here (FAT, some FUSE): whoever reads it before it is written waits for it.
  Descriptor made(::open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!made && errno == EEXIST) return false;
  if (!made || !write_whole(made.get(), me_.to_text()))
    throw Error(fmt::format("cannot write {}: {}", file_.string(), std::strerror(errno)));
  descriptor_ = std::move(made);
  return true;
}

void JobLock::take() {
  std::optional<Seen> first;  // of the same owner
  Time since{};
  while (!make()) {
    const Seen seen = look();
    if (!seen.there) continue;
    const auto owner = LockOwner::from_text(seen.text);
    const auto refuse = [&](const std::string& more) {
      throw JobTakenError(fmt::format(
          "{} is in use: another run ({}) holds {}{}. Wait until it ends, or stop it (`kill {}` there: it "
          "writes a checkpoint, and --resume goes on from that), or name another folder with --job-dir",
          folder_.string(), owner->describe(), file_.string(), more, owner->pid));
    };
    const auto state = owner ? owner->seen_by(me_) : LockOwner::State::unknown;
    if (state == LockOwner::State::lives) refuse("");
    if (state == LockOwner::State::ended) {
      take_over(seen.text);
      continue;
    }
    const Time now = time_there();
    if (first && first->text == seen.text && first->changed != seen.changed && owner)
      refuse(" and has just renewed it");
    if (!first || first->text != seen.text || first->changed != seen.changed) {
      first = seen;
      since = now;
      if (now - seen.changed < options_.stale_after)
        log::info(fmt::format(
            "{} was renewed {:.0f} s ago by {}; whether that run goes on will be known in {:.0f} s at most",
            file_.string(), std::max(0.0, seconds(now - seen.changed)),
            owner ? owner->describe() : "an unknown run",
            seconds(options_.stale_after - std::max(Time(0), now - seen.changed))));
    }
    if (now - std::min(seen.changed, since) >= options_.stale_after) {
      log::warn(fmt::format("{} is taken over: {} has not renewed it for {:.0f} s", file_.string(),
                            owner ? owner->describe() : "an unknown run",
                            seconds(now - std::min(seen.changed, since))));
      take_over(seen.text);
      continue;
    }
    if (options_.told_to_stop && options_.told_to_stop())
      throw Error(
          fmt::format("stopped by a signal while waiting for {}, with nothing changed; start it again",
                      file_.string()),
          ExitCode::stopped);
    std::this_thread::sleep_for(options_.look_every);
  }
}

/// Puts the lock that says `text` away. Another may do the same at this moment, and hold a new one already:
/// then that is put back. Were there a third meanwhile, the second finds out by `require`.
void JobLock::take_over(const std::string& text) {
  if (look().text != text) return;
  const fs::path aside = folder_ / fmt::format("job.lock.{}", unique_word());
  if (::rename(file_.c_str(), aside.c_str()) != 0) return;
  std::string found;
  try {
    found = read_file(aside);
  } catch (const DataError&) {
  }
  const bool is_news = found != text && !found.empty();
  if (is_news && ::link(aside.c_str(), file_.c_str()) != 0 && errno != EEXIST)
    ::rename(aside.c_str(), file_.c_str());  // no links here
  ::unlink(aside.c_str());
}

void JobLock::note_loss(const std::string& text) const {
  const auto owner = LockOwner::from_text(text);
  const std::lock_guard lock(mutex_);
  if (!loss_.empty()) return;
  loss_ = owner ? fmt::format(
                      "{} is another run's now ({}), which took this one for dead. This run stops and "
                      "leaves the job folder to the other",
                      file_.string(), owner->describe())
                : fmt::format(
                      "{} was removed, so that another run may use the folder. This run stops; "
                      "--resume goes on from the newest checkpoint",
                      file_.string());
}

void JobLock::require() const {
  require_as_seen();
  if (const Seen seen = look(); seen.text != me_.to_text()) note_loss(seen.text);
  require_as_seen();
}

void JobLock::require_as_seen() const {
  const std::lock_guard lock(mutex_);
  if (!loss_.empty()) throw JobTakenError(loss_);
}

bool JobLock::lost() const {
  const std::lock_guard lock(mutex_);
  return !loss_.empty();
}

void JobLock::renew() {
  ::pthread_setname_np(::pthread_self(), "job-lock");
  bool warned = false;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, options_.renew_every, [this] { return stop_; })) {
    lock.unlock();
    try {
      time_there();
      if (const Seen seen = look(); seen.text != me_.to_text()) note_loss(seen.text);
      warned = false;
    } catch (const std::exception& error) {
      if (!std::exchange(warned, true))
        log::warn(fmt::format("{}; another run may take this one for dead", error.what()));
    }
    lock.lock();
  }
}

}  // namespace ringtrain
