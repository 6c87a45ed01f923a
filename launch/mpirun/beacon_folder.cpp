#include "launch/mpirun/beacon_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace ringtrain {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "ringtrain-ranks-";

bool is_our_own_folder(const fs::path& path) {
  struct stat about {};
  return ::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid();
}

/// One without a lock file is just being made.
bool is_abandoned(const fs::path& folder) {
  const int lock = ::open((folder / "lock").c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (lock < 0) return false;
  const bool free = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
  ::close(lock);
  return free;
}

void remove_abandoned(const fs::path& parent) {
  std::error_code ignored;
  for (fs::directory_iterator entry(parent, ignored), end; entry != end; entry.increment(ignored)) {
    const fs::path path = entry->path();
    if (path.filename().string().starts_with(kPrefix) && is_our_own_folder(path) && is_abandoned(path))
      fs::remove_all(path, ignored);
    if (ignored) return;
  }
}

}  // namespace

BeaconFolder::BeaconFolder() {
  const char* temporary = std::getenv("TMPDIR");
  if (!make_in("/dev/shm")) make_in(temporary ? temporary : "/tmp");
}

BeaconFolder::~BeaconFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

bool BeaconFolder::make_in(const fs::path& parent) {
  remove_abandoned(parent);
  std::string name = parent / fmt::format("{}XXXXXX", kPrefix);
  if (!::mkdtemp(name.data())) return false;
  path_ = name;
  // It is locked before it has its name: whoever finds it finds it locked.
  const fs::path unlocked = path_ / "lock-to-be";
  lock_ = ::open(unlocked.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  std::error_code ignored;
  if (lock_ >= 0 && ::flock(lock_, LOCK_EX) == 0) fs::rename(unlocked, path_ / "lock", ignored);
  return true;
}

std::optional<RankStatus> BeaconFolder::of(int rank) const {
  return path_.empty() ? std::nullopt : Beacon::read(path_, rank);
}

void BeaconFolder::end_left_over_ranks(int ranks, const std::string& program) const {
  for (int rank = 0; rank < ranks; ++rank) {
    const auto status = of(rank);
    if (!status) continue;
    std::error_code error;
    const auto runs = fs::read_symlink(fmt::format("/proc/{}/exe", status->pid), error);
    if (!error && runs == program) ::kill(static_cast<pid_t>(status->pid), SIGKILL);
  }
}

}  // namespace ringtrain
