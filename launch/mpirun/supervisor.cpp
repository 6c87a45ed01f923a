#include "launch/mpirun/supervisor.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <thread>
#include <utility>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "launch/commands/remote_job.h"
#include "launch/mpirun/host_check.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/checkpoint/lock_owner.h"

namespace ringtrain {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kMostWithoutProgress = 3;

struct Attempt {
  double seconds = 0;
  std::int64_t newest = -1;  // checkpoint afterwards; -1: none
  int code = 0;
  std::string why;
};

void say(const std::string& text) { fmt::print(stderr, "ringtrain: {}\n", text); }

bool may_pass(int code) {
  return code == ExitCode::failure || code == ExitCode::communication || code >= ExitCode::signalled;
}

/// The checkpoints that were made since this object was.
class NewCheckpoints {
 public:
  explicit NewCheckpoints(const std::filesystem::path& job_dir)
      : store_(job_dir / "checkpoints"), before_(identities()) {}
  /// The newest; -1: none. A run that begins anew in a folder may make one of a step that was there before.
  std::int64_t newest() const {
    std::int64_t newest = -1;
    for (const auto& [step, identity] : identities()) {
      const auto old = before_.find(step);
      if (old == before_.end() || old->second != identity) newest = std::max(newest, step);
    }
    return newest;
  }

 private:
  using Identity = std::pair<ino_t, std::int64_t>;
  std::map<std::int64_t, Identity> identities() const {
    std::map<std::int64_t, Identity> all;
    for (const auto step : store_.steps()) {
      struct stat about {};
      if (::stat((store_.folder_of(step) / "manifest.json").c_str(), &about) == 0)
        all[step] = {about.st_ino, about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec};
    }
    return all;
  }
  CheckpointStore store_;
  std::map<std::int64_t, Identity> before_;
};

/// The job without the hosts that will not do now. Throws ConfigError when too few ranks are left.
MpirunJob without_lost_hosts(MpirunJob job, int min_ranks) {
  const auto problems = host_problems(job.hosts, program(), find_mpirun());
  std::vector<Host> usable;
  for (std::size_t i = 0; i < job.hosts.size(); ++i) {
    if (problems[i].empty())
      usable.push_back(job.hosts[i]);
    else
      say(fmt::format("host {} {}; it is left out", job.hosts[i].name, problems[i]));
  }
  const int ranks = std::min(job.ranks, total_ranks(usable));
  if (ranks < min_ranks)
    throw ConfigError(fmt::format(
        "{} ranks can be started on the hosts that are left, fewer than --min-ranks {}", ranks, min_ranks));
  job.hosts = usable;
  job.ranks = ranks;
  return job;
}

/// Where the ranks go on from when they are started with these arguments.
std::string beginning_of(const TrainingArguments& training, std::int64_t newest) {
  if (newest >= 0) return fmt::format("step {}", newest);
  if (training.resume) return "the checkpoint that it went on from";
  if (!training.checkpoint.empty()) return fmt::format("step {}", *training.start_options().from_step);
  return "the beginning";
}

void give_up(const std::vector<Attempt>& attempts, const std::string& reason) {
  std::string text = fmt::format("given up: {}", reason);
  for (std::size_t i = 0; i < attempts.size(); ++i)
    text += fmt::format("\n  attempt {}: {:.1f} s, newest checkpoint: {}; exit code {}: {}", i + 1,
                        attempts[i].seconds,
                        attempts[i].newest < 0 ? "none" : fmt::format("step {}", attempts[i].newest),
                        attempts[i].code, attempts[i].why);
  say(text);
}

/// Returns whether the time passed without a signal.
bool wait_undisturbed(std::chrono::seconds time) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end && !told_to_stop()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return !told_to_stop();
}

}  // namespace

int supervise(const MpirunJob& job, TrainingArguments training, const RestartPolicy& policy,
              const Catalogue& catalogue) {
  if (policy.max_restarts == 0) return run_under_mpirun(job, training.worker_arguments()).code;
  // Rank 0 of the next attempt takes the job folder over from that of the one before, wherever that was.
  ::setenv(kLaunchVariable, unique_word().c_str(), /*replace=*/1);
  const NewCheckpoints checkpoints(
      local_job_folder(RunConfig::load(training.config, training.all_overrides(), catalogue)));
  std::vector<Attempt> attempts;
  int without_progress = 0;
  MpirunJob now = job;
  while (true) {
    const auto begin = Clock::now();
    const LaunchEnd end = run_under_mpirun(now, training.worker_arguments());
    if (end.code == ExitCode::success || end.at_once || !may_pass(end.code)) return end.code;

    const std::int64_t before = attempts.empty() ? -1 : attempts.back().newest;
    attempts.push_back({std::chrono::duration<double>(Clock::now() - begin).count(), checkpoints.newest(),
                        end.code, end.why});
    const std::int64_t newest = attempts.back().newest;
    without_progress = newest > before ? 1 : without_progress + 1;
    const auto restarts = static_cast<int>(attempts.size()) - 1;
    const auto stop = [&] {
      const bool can_go_on = newest >= 0 || training.resume;
      say(fmt::format("ended by a signal, before restart {}{}", restarts + 1,
                      can_go_on ? "; --resume goes on" : ""));
      return can_go_on ? int{ExitCode::stopped} : end.code;
    };
    if (told_to_stop()) return stop();
    if (restarts == policy.max_restarts) {
      give_up(attempts,
              fmt::format("it failed again after {} {}", restarts, restarts == 1 ? "restart" : "restarts"));
      return end.code;
    }
    if (without_progress == kMostWithoutProgress) {
      give_up(attempts,
              fmt::format("{} attempts in a row ended at the same newest checkpoint", kMostWithoutProgress));
      return end.code;
    }
    const std::chrono::seconds pause(std::min(60, 1 << std::min(without_progress - 1, 6)));
    say(fmt::format("starting again from {} in {} s (restart {} of {})", beginning_of(training, newest),
                    pause.count(), restarts + 1, policy.max_restarts));
    if (!wait_undisturbed(pause)) return stop();
    if (newest >= 0) {
      training.resume = true;
      training.overwrite = false;
      training.checkpoint.clear();
    }
    if (policy.min_ranks) now = without_lost_hosts(job, *policy.min_ranks);
  }
}

}  // namespace ringtrain
