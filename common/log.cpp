#include "common/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/terminal.h"

namespace ringtrain::log {
namespace {

// The one piece of process-wide state in ringtrain: the terminal is one.
struct State {
  std::mutex mutex;
  std::string identity;
  std::string speaker;  ///< "rank 5 of 8 on node-02", where several speak
  int rank = 0;
  std::shared_ptr<spdlog::logger> file;
  std::function<void()> before;
  std::function<void()> after;
};

State& state() {
  static State instance;
  return instance;
}

std::string line_of(std::string_view name, std::string_view text) {
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto millis = now.time_since_epoch().count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {:<5} {}{}\n",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)), millis, name, state().identity,
                     text);
}

void write_to_file(spdlog::level::level_enum level, std::string_view line) {
  const State& s = state();
  if (!s.file) return;
  s.file->log(level, line.substr(0, line.size() - 1));
  s.file->flush();
}

/// What a person at a terminal is told.
std::string told(spdlog::level::level_enum level, std::string_view text) {
  const State& s = state();
  std::string lead;
  if (level >= spdlog::level::warn) {
    lead = level >= spdlog::level::err ? "error: " : "warning: ";
    if (s.rank != 0) lead += s.speaker + ": ";
  }
  constexpr std::size_t widest = 100, indent = 2;
  return wrapped(fmt::format("{}{}", lead, text), std::min(terminal_columns(), widest), indent) + "\n";
}

void write(spdlog::level::level_enum level, std::string_view name, std::string_view text,
           std::string_view on_terminal = {}) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  std::string line = line_of(name, text);
  write_to_file(level, line);
  if (s.rank != 0 && level < spdlog::level::warn) return;
  if (stderr_is_terminal()) line = on_terminal.empty() ? told(level, text) : fmt::format("{}\n", on_terminal);
  if (s.before) s.before();
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (s.after) s.after();
}

}  // namespace

void set_identity(int rank, int world_size, std::string_view host, std::string_view device) {
  const std::lock_guard lock(state().mutex);
  state().rank = rank;
  state().identity = fmt::format("[rank {:02}/{:02} {} {}] ", rank, world_size, host, device);
  state().speaker = fmt::format("rank {} of {} on {}", rank, world_size, host);
}

void also_to_file(const std::filesystem::path& file) {
  std::shared_ptr<spdlog::sinks::basic_file_sink_mt> sink;
  try {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
  } catch (const spdlog::spdlog_ex& problem) {
    throw Error(fmt::format("cannot write the log file {}: {}", file.string(), problem.what()),
                ExitCode::configuration);
  }
  sink->set_pattern("%v");
  const std::lock_guard lock(state().mutex);
  state().file = std::make_shared<spdlog::logger>("file", sink);
}

void error_to_file(std::string_view text) {
  const std::lock_guard lock(state().mutex);
  write_to_file(spdlog::level::err, line_of("ERROR", text));
}

void info(std::string_view text) { write(spdlog::level::info, "INFO", text); }
void info(std::string_view text, std::string_view on_terminal) {
  write(spdlog::level::info, "INFO", text, on_terminal);
}
void warn(std::string_view text) { write(spdlog::level::warn, "WARN", text); }
void error(std::string_view text) { write(spdlog::level::err, "ERROR", text); }

void around_terminal_lines(std::function<void()> before, std::function<void()> after) {
  const std::lock_guard lock(state().mutex);
  state().before = std::move(before);
  state().after = std::move(after);
}

}  // namespace ringtrain::log
