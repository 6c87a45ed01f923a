#include "launch/jobs/side_by_side.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <list>
#include <thread>

#include "comm/gpu.h"
#include "common/descriptor.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "common/log.h"
#include "common/stop_signals.h"
#include "launch/mpirun/cores.h"
#include "launch/mpirun/mpirun_launcher.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/checkpoint/lock_owner.h"
#include "trainer/setup/stop_signal.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// How long a training of an earlier process may take to write its checkpoint and end.
constexpr std::chrono::seconds kEndingOfEarlier{120};
constexpr std::chrono::milliseconds kLookEvery{10};
constexpr const char* kOutput = "output.txt";

struct Running {
  Training training;
  pid_t process = 0;
  Clock::time_point since;
};

/// A run of an earlier process that was killed ends by itself, but not at once.
void wait_for_earlier(const Training& training, const StopSignal& signal) {
  const auto file = training.folder / "job.lock";
  const auto end = Clock::now() + kEndingOfEarlier;
  const auto lives = [&] {
    std::error_code error;
    if (!fs::exists(file, error)) return false;
    try {
      const auto owner = LockOwner::from_text(read_file(file));
      return owner && owner->seen_by(LockOwner::this_process()) == LockOwner::State::lives;
    } catch (const DataError&) {
      return false;  // it has just gone
    }
  };
  while (lives() && Clock::now() < end && !signal.caught()) std::this_thread::sleep_for(kLookEvery);
}

std::vector<std::string> command_of(const Training& training) {
  std::vector<std::string> command{program(), "train"};
  command.insert(command.end(), training.arguments.begin(), training.arguments.end());
  command.insert(command.end(), {"--job-dir", training.folder.string()});
  if (!CheckpointStore(training.folder / "checkpoints").steps().empty()) command.emplace_back("--resume");
  return command;
}

[[noreturn]] void become(char* const* command, pid_t parent, int output) {
  ::setpgid(0, 0);  // Ctrl-C reaches it through this process alone
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(ExitCode::stopped);
  for (const int signal : kStopSignals) ::signal(signal, SIG_DFL);
  if (const int null = ::open("/dev/null", O_RDONLY); null >= 0) ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execv(command[0], command);
  ::_exit(127);
}

Running start(const Training& training) {
  ensure_writable_folder(training.folder);
  const auto file = training.folder / kOutput;
  const Descriptor output(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!output) throw Error(fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
  auto command = command_of(training);
  std::vector<char*> words;
  for (auto& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t parent = ::getpid(), process = ::fork();
  if (process == 0) become(words.data(), parent, output.get());
  if (process < 0) throw Error(fmt::format("cannot start {}: {}", training.name, std::strerror(errno)));
  return {training, process, Clock::now()};
}

/// The last message of the program in what it wrote, with the lines that belong to it.
std::string last_message(const fs::path& file) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const DataError&) {
    return "";
  }
  constexpr std::string_view mark = "ringtrain: ";
  auto at = text.rfind(std::string("\n") + std::string(mark));
  at = at != std::string::npos ? at + 1 : text.starts_with(mark) ? 0 : std::string::npos;
  if (at == std::string::npos) return "";
  auto message = text.substr(at + mark.size());
  while (!message.empty() && message.back() == '\n') message.pop_back();
  return message;
}

TrainingEnd end_of(const Running& running, int status) {
  TrainingEnd end;
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : ExitCode::of_signal(WTERMSIG(status));
  end.seconds = std::chrono::duration<double>(Clock::now() - running.since).count();
  if (end.code == ExitCode::success) return end;
  end.why = last_message(running.training.folder / kOutput);
  if (end.why.empty())
    end.why = end.code > ExitCode::signalled
                  ? fmt::format("it was ended by signal {}", end.code - ExitCode::signalled)
                  : fmt::format("it ended with exit code {}", end.code);
  return end;
}

/// The trainings that run now. Those that are left are stopped when this goes.
class RunningTrainings {
 public:
  ~RunningTrainings() { stop(); }
  std::size_t count() const { return running_.size(); }
  void add(Running one) { running_.push_back(std::move(one)); }

  /// One that has ended; nothing: none yet.
  std::optional<std::pair<Training, TrainingEnd>> take_ended() {
    for (auto one = running_.begin(); one != running_.end(); ++one) {
      int status = 0;
      if (::waitpid(one->process, &status, WNOHANG) != one->process) continue;
      std::pair<Training, TrainingEnd> ended{one->training, end_of(*one, status)};
      running_.erase(one);
      return ended;
    }
    return std::nullopt;
  }

  /// With a checkpoint; waits for them.
  void stop() {
    for (const auto& one : running_) ::kill(one.process, SIGTERM);
    for (const auto& one : running_)
      while (::waitpid(one.process, nullptr, 0) < 0 && errno == EINTR) {
      }
    running_.clear();
  }

 private:
  std::list<Running> running_;
};

[[noreturn]] void fail(const Training& training, const TrainingEnd& end) {
  throw Error(fmt::format("{} failed, and ends all: {}\n  its output: {}", training.name, end.why,
                          (training.folder / kOutput).string()),
              end.code);
}

}  // namespace

void run_side_by_side(int jobs, const NextTraining& next, const TrainingEnded& ended,
                      const TrainingFailed& failed) {
  const StopSignal signal;
  RunningTrainings running;
  bool ask = true;
  while (true) {
    while (ask && !signal.caught() && running.count() < static_cast<std::size_t>(jobs)) {
      const auto training = next();
      if (!training) ask = false;
      if (!training) break;
      wait_for_earlier(*training, signal);
      if (!signal.caught()) running.add(start(*training));
    }
    if (signal.caught()) {
      running.stop();
      throw Error("stopped by a signal; the same command goes on from here", ExitCode::stopped);
    }
    if (running.count() == 0) return;
    const auto one = running.take_ended();
    if (!one) {
      std::this_thread::sleep_for(kLookEvery);
      continue;
    }
    ask = true;
    const auto& [training, end] = *one;
    if (end.code == ExitCode::success)
      ended(training, end);
    else if (end.code != ExitCode::training || !failed(training, end))
      fail(training, end);
  }
}

int jobs_of_machine(const RunConfig& config, int ranks) {
  const auto gpus = static_cast<int>(find_gpus().ids.size());
  if (gpus > 0 && config.trainer.device != "cpu") return std::max(1, gpus / ranks);
  auto cores = static_cast<double>(usable_cores().size());
  if (const auto quota = cpu_quota()) cores = std::min(cores, *quota);
  return std::max(1,
                  static_cast<int>(cores / (ranks * static_cast<double>(config.trainer.threads_per_rank))));
}

}  // namespace ringtrain
