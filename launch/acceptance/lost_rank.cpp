#include "launch/acceptance/lost_rank.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace ringtrain::acceptance {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The number after `name=` in a process's environment; -1: it has none.
int number_of(const std::string& environment, std::string_view name) {
  const auto place = environment.find(std::string(1, '\0') + std::string(name) + "=");
  return place == std::string::npos ? -1 : std::atoi(environment.c_str() + place + name.size() + 2);
}

int rank_of(const fs::path& process) {
  const std::string environment = std::string(1, '\0') + content(process / "environ");
  for (const auto* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (const int rank = number_of(environment, name); rank >= 0) return rank;
  return -1;
}

/// The process of the last rank here that trains into `folder`; 0: there is none. Ranks are told of it by
/// --set job_dir=, who starts them by --job-dir.
int last_rank_of(const std::string& folder) {
  int found = 0, highest = -1;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string words = content(entry.path() / "cmdline");
    if (words.find("job_dir=") == std::string::npos || words.find(folder) == std::string::npos) continue;
    if (const int rank = rank_of(entry.path()); rank > highest) {
      highest = rank;
      found = std::atoi(name.c_str());
    }
  }
  return found;
}

}  // namespace

LostRank::LostRank(fs::path job_dir)
    : job_dir_(std::move(job_dir)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void LostRank::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::error_code ignored;
    if (!fs::exists(job_dir_ / "checkpoints" / "latest", ignored)) continue;
    const int process = last_rank_of(job_dir_.string());
    if (process == 0 || ::kill(process, SIGKILL) != 0) continue;
    killed_ = process;
    return;
  }
}

}  // namespace ringtrain::acceptance
