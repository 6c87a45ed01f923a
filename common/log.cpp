#include "common/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "common/errors.h"
#include "common/exit_code.h"

namespace ringtrain::log {
namespace {

// The one piece of process-wide state in ringtrain: the terminal is one.
struct State {
  std::mutex mutex;
  std::string identity;
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

void write(spdlog::level::level_enum level, std::string_view name, std::string_view text) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  const std::string line = line_of(name, text);
  write_to_file(level, line);
  if (s.rank != 0 && level < spdlog::level::warn) return;
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
void warn(std::string_view text) { write(spdlog::level::warn, "WARN", text); }
void error(std::string_view text) { write(spdlog::level::err, "ERROR", text); }

void around_terminal_lines(std::function<void()> before, std::function<void()> after) {
  const std::lock_guard lock(state().mutex);
  state().before = std::move(before);
  state().after = std::move(after);
}

}  // namespace ringtrain::log
