#pragma once

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace ringtrain::testing {

/// Takes what the process writes to the standard error, through a pipe or through a pseudo terminal, until
/// `text()`.
class CapturedStderr {
 public:
  enum class Kind { pipe, terminal };
  explicit CapturedStderr(Kind kind, unsigned short columns = 100) : saved_(::dup(STDERR_FILENO)) {
    int ends[2];
    if (kind == Kind::pipe) {
      if (::pipe(ends) != 0) throw std::runtime_error("pipe failed");
    } else {
      winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
      if (::openpty(&ends[0], &ends[1], nullptr, nullptr, &size) != 0)
        throw std::runtime_error("openpty failed");
    }
    read_end_ = ends[0];
    ::fcntl(read_end_, F_SETFL, O_NONBLOCK);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
  }
  ~CapturedStderr() {
    if (saved_ >= 0) text();
    ::close(read_end_);
  }
  /// Ends the capture.
  std::string text() {
    std::string all = so_far();
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    saved_ = -1;
    return all + so_far();
  }
  /// What came since the last call.
  std::string so_far() {
    std::string all;
    char piece[4096];
    for (ssize_t n; (n = ::read(read_end_, piece, sizeof piece)) > 0;)
      all.append(piece, static_cast<std::size_t>(n));
    return all;
  }

 private:
  int saved_;
  int read_end_;
};

}  // namespace ringtrain::testing
