#include "launch/beacon_folder.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>

namespace ringtrain {

namespace fs = std::filesystem;

BeaconFolder::BeaconFolder() {
  for (const auto& parent :
       {fs::path("/dev/shm"), fs::path(std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp")}) {
    std::string name = parent / "ringtrain-ranks-XXXXXX";
    if (::mkdtemp(name.data())) {
      path_ = name;
      return;
    }
  }
}

BeaconFolder::~BeaconFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
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
