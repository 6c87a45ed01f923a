#include "launch/mpirun/subprocess.h"

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

#include "common/descriptor.h"
#include "common/errors.h"
#include "common/exit_code.h"

extern char** environ;

namespace ringtrain {
namespace {

constexpr std::size_t kMostOutput = 64 * 1024;

/// The program in a process group of its own, its outputs into `pipe_end`.
pid_t start(const std::vector<std::string>& command, int pipe_end) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe_end, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pipe_end, STDERR_FILENO);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0], &actions, &attributes, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) throw Error(fmt::format("cannot start {}: {}", command.front(), std::strerror(error)));
  return child;
}

}  // namespace

Ended run_with_limit(const std::vector<std::string>& command, std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  Pipe pipe;
  const pid_t child = start(command, pipe.write_end.get());
  pipe.write_end.close();
  Ended ended;
  std::array<char, 4096> buffer{};
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd ready{.fd = pipe.read_end.get(), .events = POLLIN, .revents = 0};
    const int polled = left > 0 ? ::poll(&ready, 1, static_cast<int>(left)) : 0;
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) {
      ended.timed_out = true;
      ::kill(-child, SIGKILL);
      break;
    }
    const auto size = ::read(pipe.read_end.get(), buffer.data(), buffer.size());
    if (size <= 0) break;  // it closed its outputs
    if (ended.output.size() < kMostOutput) ended.output.append(buffer.data(), static_cast<std::size_t>(size));
  }
  pipe.read_end.close();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : ExitCode::of_signal(WTERMSIG(status));
  return ended;
}

std::string shell_quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                          "_-./:,=+@%") == std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace ringtrain
