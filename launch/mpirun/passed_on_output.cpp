#include "launch/mpirun/passed_on_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "common/errors.h"

namespace ringtrain {

PassedOnOutput::PassedOnOutput() {
  std::fflush(stdout);
  output_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (output_ < 0) return;  // there is none
  if (::pipe2(pipe_.data(), O_CLOEXEC) != 0) throw Error(fmt::format("no pipe: {}", std::strerror(errno)));
  ::dup2(pipe_[1], STDOUT_FILENO);
  ::close(pipe_[1]);
  thread_ = std::jthread([this] { pass_on(); });
}

PassedOnOutput::~PassedOnOutput() {
  finish();
  if (pipe_[0] >= 0) ::close(pipe_[0]);
}

void PassedOnOutput::pass_on() {
  // A reader that went is told by `finish`, when the processes have done their work.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::array<char, 65536> buffer;
  while (true) {
    const bool last = ended_;
    pollfd ready{.fd = pipe_[0], .events = POLLIN, .revents = 0};
    // What a process that outlives mpirun might still write is not waited for.
    if (::poll(&ready, 1, 50) <= 0) {
      if (last) return;
      continue;
    }
    const auto size = ::read(pipe_[0], buffer.data(), buffer.size());
    if (size == 0 || (size < 0 && errno != EINTR)) return;
    for (ssize_t at = 0; at < size && failure_ == 0;) {
      const auto written = ::write(output_, buffer.data() + at, static_cast<std::size_t>(size - at));
      if (written > 0) at += written;
      if (written < 0 && errno != EINTR) failure_ = errno;
    }
  }
}

int PassedOnOutput::finish() {
  if (output_ < 0) return failure_;
  std::fflush(stdout);
  ::dup2(output_, STDOUT_FILENO);
  ended_ = true;
  if (thread_.joinable()) thread_.join();
  ::close(output_);
  output_ = -1;
  return failure_;
}

}  // namespace ringtrain
