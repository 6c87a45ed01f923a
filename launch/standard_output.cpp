#include "launch/standard_output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "common/errors.h"
#include "common/exit_code.h"

namespace ringtrain {

void finish_standard_output() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && !std::cout.fail();
  int reason = flushed ? 0 : errno;
  // A file server may say only at the end that there was no room.
  const int copy = flushed ? ::dup(STDOUT_FILENO) : -1;
  const bool closed = copy < 0 || ::close(copy) == 0;
  if (!closed) reason = errno;
  if (flushed && closed) return;
  fail_standard_output(reason);
}

void fail_standard_output(int reason) {
  if (reason == EPIPE) throw Error("", ExitCode::of_signal(SIGPIPE));
  throw Error(
      fmt::format("standard output cannot be written: {}",
                  reason == 0 ? "an earlier line was lost; is the disk full?" : std::strerror(reason)));
}

}  // namespace ringtrain
