#include "serving/export/verify_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "common/errors.h"
#include "common/stop_signals.h"

extern char** environ;

namespace ringtrain {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& command, const std::string& what, const std::string& output) {
  std::string text = output.substr(output.size() > 4000 ? output.size() - 4000 : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  throw ExportError(fmt::format("the export was not published: its check in a fresh process ({}) {}{}{}",
                                command, what, text.empty() ? "" : ":\n", text));
}

/// The environment without what a launcher tells its ranks: the child would take itself for one of them.
std::vector<char*> clean_environment() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry; ++entry) {
    bool launcher = false;
    for (const std::string_view prefix : {"OMPI_", "PMIX_", "PMI_", "SLURM_", "PRTE_"})
      launcher |= std::string_view(*entry).starts_with(prefix);
    if (!launcher) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

/// This thread's blocked signals, and the stop signals that this process does not die of. A terminal and
/// mpirun signal a whole process group: the child is to live on where we do.
sigset_t signals_to_block() {
  sigset_t set;
  pthread_sigmask(SIG_BLOCK, nullptr, &set);
  for (const int signal : kStopSignals) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_DFL) sigaddset(&set, signal);
  }
  return set;
}

/// Starts `command` with both outputs going to `output`.
pid_t start(const std::vector<std::string>& command, int output, const std::string& shown) {
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  auto environment = clean_environment();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const sigset_t blocked = signals_to_block();
  posix_spawnattr_setsigmask(&attributes, &blocked);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = -1;
  const int error =
      ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail(shown, fmt::format("cannot be started: {}", std::strerror(error)), "");
  return child;
}

/// Reads until the writers are gone or the time is over; true when they are gone.
bool drain(int input, std::string& text, Clock::time_point deadline) {
  std::array<char, 4096> buffer;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waited{input, POLLIN, 0};
    if (::poll(&waited, 1, static_cast<int>(left)) <= 0) continue;
    const ssize_t got = ::read(input, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

void run_verifier(const std::vector<std::string>& command, std::chrono::seconds limit) {
  if (command.empty()) throw ExportError("the export's check has no command");
  std::string shown = command[0];
  for (std::size_t i = 1; i < command.size(); ++i) shown += " " + command[i];
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    fail(shown, fmt::format("cannot be started: {}", std::strerror(errno)), "");
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } input{ends[0]};
  pid_t child = -1;
  {
    const Closer output{ends[1]};
    child = start(command, output.fd, shown);
  }
  std::string text;
  const bool ended = drain(input.fd, text, Clock::now() + limit);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail(shown, fmt::format("was lost: {}", std::strerror(errno)), text);
  if (!ended) fail(shown, fmt::format("took longer than {} s", limit.count()), text);
  if (WIFSIGNALED(status)) fail(shown, fmt::format("was killed by signal {}", WTERMSIG(status)), text);
  if (WEXITSTATUS(status) != 0) fail(shown, fmt::format("ended with code {}", WEXITSTATUS(status)), text);
}

}  // namespace ringtrain
