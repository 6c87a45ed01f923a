#include "trainer/checkpoint/lock_owner.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string boot_id() {
  try {
    std::istringstream text(read_file("/proc/sys/kernel/random/boot_id"));
    std::string word;
    text >> word;
    return word;
  } catch (const DataError&) {
    return "";  // then nobody is sure of our process
  }
}

std::string own_pid_namespace() {
  std::error_code error;
  return fs::read_symlink("/proc/self/ns/pid", error).string();
}

/// Of /proc/PID/stat: state is field 3, start time field 22; the name in field 2 may hold anything.
struct ProcessFacts {
  char state = '?';
  std::uint64_t start_time = 0;
};
std::optional<ProcessFacts> facts_of(const std::string& process) {
  std::string text;
  try {
    text = read_file(fmt::format("/proc/{}/stat", process));
  } catch (const DataError&) {
    return {};
  }
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  ProcessFacts facts;
  fields >> facts.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  if (!(fields >> facts.start_time)) return {};
  return facts;
}

bool is_alive(std::int64_t pid, std::uint64_t start_time) {
  if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return false;
  const auto facts = facts_of(std::to_string(pid));
  if (!facts) return true;  // /proc hides other users' processes (hidepid)
  return facts->start_time == start_time && facts->state != 'Z' && facts->state != 'X';
}

std::string value_of(const launcher::Environment& get, const char* name) {
  const char* value = get(name);
  return value ? value : "";
}

}  // namespace

LockOwner LockOwner::this_process(const launcher::Environment& get) {
  LockOwner owner;
  owner.host = host_name();
  owner.boot = boot_id();
  owner.pid_namespace = own_pid_namespace();
  owner.pid = ::getpid();
  if (const auto facts = facts_of("self")) owner.start_time = facts->start_time;
  owner.slurm_job = value_of(get, "SLURM_JOB_ID");
  owner.slurm_restarts = value_of(get, "SLURM_RESTART_COUNT");
  owner.launch = value_of(get, kLaunchVariable);
  owner.since =
      fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                  fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
  owner.nonce = unique_word();
  return owner;
}

std::string LockOwner::to_text() const {
  const nlohmann::ordered_json json{{"host", host},
                                    {"boot", boot},
                                    {"pid_namespace", pid_namespace},
                                    {"pid", pid},
                                    {"start_time", start_time},
                                    {"slurm_job", slurm_job},
                                    {"slurm_restarts", slurm_restarts},
                                    {"launch", launch},
                                    {"since", since},
                                    {"nonce", nonce}};
  return json.dump(1) + "\n";
}

std::optional<LockOwner> LockOwner::from_text(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    LockOwner owner;
    json.at("host").get_to(owner.host);
    json.at("boot").get_to(owner.boot);
    json.at("pid_namespace").get_to(owner.pid_namespace);
    json.at("pid").get_to(owner.pid);
    json.at("start_time").get_to(owner.start_time);
    json.at("slurm_job").get_to(owner.slurm_job);
    json.at("slurm_restarts").get_to(owner.slurm_restarts);
    json.at("launch").get_to(owner.launch);
    json.at("since").get_to(owner.since);
    json.at("nonce").get_to(owner.nonce);
    return owner;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

LockOwner::State LockOwner::seen_by(const LockOwner& me) const {
  if (!launch.empty() && launch == me.launch) return State::ended;
  if (!slurm_job.empty() && slurm_job == me.slurm_job && slurm_restarts != me.slurm_restarts)
    return State::ended;
  // Containers of one machine share its boot, not its pids.
  const bool same_pids = !boot.empty() && boot == me.boot && pid_namespace == me.pid_namespace;
  if (!same_pids) return State::unknown;
  return is_alive(pid, start_time) ? State::lives : State::ended;
}

std::string LockOwner::describe() const {
  return fmt::format("pid {} on host {}{}, since {}", pid, host,
                     slurm_job.empty() ? "" : fmt::format(" (Slurm job {})", slurm_job), since);
}

}  // namespace ringtrain
