#include "common/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <mutex>

#include "common/log.h"
#include "common/terminal.h"
#include "common/text.h"

namespace ringtrain {
namespace {

using Clock = std::chrono::steady_clock;

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the terminal is gone: the work goes on
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// "00:41 left", "2:05:00 left".
std::string time_left(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02} left", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{:02}:{:02} left", whole / 60, whole % 60);
}

std::string bar(double part, std::size_t cells) {
  const auto full = static_cast<std::size_t>(part * static_cast<double>(cells));
  std::string drawn(cells, ' ');
  std::fill_n(drawn.begin(), full, '=');
  if (full < cells) drawn[full] = '>';
  return fmt::format(" [{}]", drawn);
}

constexpr std::string_view clear_line = "\r\x1b[K";

}  // namespace

struct Progress::Impl {
  Impl(std::string title_, std::int64_t total_, Options options_)
      : title(std::move(title_)), total(total_), options(options_), terminal(stderr_is_terminal()) {
    details.reserve(128);  // it does not grow while the work goes on
  }

  std::string counted() const {
    return fmt::format("{} {}/{}", title, with_commas(done), with_commas(total));
  }

  // Details and time left, each led by two blanks.
  std::string tail(Clock::time_point now) const {
    std::string text = details.empty() ? "" : "  " + details;
    const std::int64_t mine = done - options.already_done;
    if (mine <= 0 || done >= total) return text;
    const std::chrono::duration<double> spent = now - started;
    return text + "  " +
           time_left(spent.count() / static_cast<double>(mine) * static_cast<double>(total - done));
  }

  void draw(Clock::time_point now) {
    const std::size_t columns = terminal_columns() - 1;  // the last column would wrap on some terminals
    const std::string head = counted();
    const std::string rest = tail(now);
    const double part =
        total > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0) : 0;
    constexpr std::size_t narrowest = 8, widest = 30;
    const std::size_t taken = head.size() + rest.size() + 3;  // a blank and the two brackets
    std::string line = head;
    if (taken + narrowest <= columns) line += bar(part, std::min(widest, columns - taken));
    line += rest;
    write_stderr(fmt::format("{}{}", clear_line, cut(line, columns)));
    drawn = true;
    last_output = now;
  }

  void clear() {
    if (drawn) write_stderr(clear_line);
    drawn = false;
  }

  void say(Clock::time_point now) {
    log::info(counted() + tail(now));
    last_output = now;
    unsaid = false;
  }

  std::mutex
      mutex;  // log lines come from any thread; the log's own lock is taken before this one, never after it
  std::string title;
  std::int64_t total;
  Options options;
  bool terminal;
  std::int64_t done = 0;
  std::string details;
  Clock::time_point started = Clock::now();
  Clock::time_point last_output{};
  bool drawn = false;
  bool paused = false;  // a log line is being written
  bool unsaid = false;
  bool finished = false;
};

Progress::Progress(std::string title, std::int64_t total) : Progress(std::move(title), total, Options()) {}

Progress::Progress(std::string title, std::int64_t total, Options options)
    : impl_(std::make_unique<Impl>(std::move(title), total, options)) {
  Impl* impl = impl_.get();
  if (!impl->terminal) {
    impl->last_output = impl->started;
    return;
  }
  log::around_terminal_lines(
      [impl] {
        const std::lock_guard lock(impl->mutex);
        impl->paused = true;
        if (impl->drawn) write_stderr(clear_line);
      },
      [impl] {
        const std::lock_guard lock(impl->mutex);
        impl->paused = false;
        if (impl->drawn) impl->draw(Clock::now());
      });
}

Progress::~Progress() {
  if (!impl_->terminal || impl_->finished) return;
  log::around_terminal_lines({}, {});
  impl_->clear();
}

void Progress::update(std::int64_t done, std::string_view details) {
  Impl& bar = *impl_;
  const Clock::time_point now = Clock::now();
  const std::lock_guard lock(bar.mutex);
  if (bar.finished) return;
  bar.done = done;
  bar.details = details;
  bar.unsaid = true;
  if (bar.terminal) {
    if (!bar.paused && (!bar.drawn || now - bar.last_output >= bar.options.redraw_interval)) bar.draw(now);
  } else if (now - bar.last_output >= bar.options.line_interval) {
    bar.say(now);
  }
}

void Progress::finish() {
  Impl& bar = *impl_;
  if (bar.finished) return;
  if (bar.terminal) log::around_terminal_lines({}, {});
  const std::lock_guard lock(bar.mutex);
  bar.clear();
  if (!bar.terminal && bar.unsaid) bar.say(Clock::now());
  bar.finished = true;
}

}  // namespace ringtrain
