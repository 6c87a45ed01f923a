#include "serving/server/access_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/errors.h"
#include "common/log.h"
#include "serving/log/utc_time.h"
#include "serving/predict/json_text.h"

namespace ringtrain {
namespace {

constexpr std::size_t kMostLines = 10'000;
constexpr std::chrono::seconds kPause{3600};  // nothing is to be done without a line

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Descriptor opened(const std::string& file) {
  Descriptor result(file == "-" ? ::dup(STDOUT_FILENO)
                                : ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!result) throw ConfigError(fmt::format("access_log: cannot write {}: {}", file, std::strerror(errno)));
  return result;
}

/// Whether the name leads to another file than the one that is open, or to none.
bool has_moved(const std::string& name, const Descriptor& file) {
  struct stat open {
  }, named{};
  if (name == "-" || ::fstat(file.get(), &open) != 0 || !S_ISREG(open.st_mode)) return false;
  return ::stat(name.c_str(), &named) != 0 || named.st_ino != open.st_ino || named.st_dev != open.st_dev;
}

}  // namespace

std::string access_line(const RequestContext& context, int status, std::size_t bytes) {
  std::string line = fmt::format("{{\"time\":\"{}\"", utc_text(context.time));
  const auto text = [&line](const char* key, const std::string& value) {
    line += fmt::format(",\"{}\":", key);
    append_string(line, value);
  };
  text("client", context.client);
  text("protocol", context.protocol);
  text("method", context.method);
  text("path", context.path);
  line += fmt::format(",\"status\":{},\"bytes_in\":{},\"bytes_out\":{},\"ms\":{:.3f}", status, context.bytes,
                      bytes, context.seconds() * 1000);
  text("request_id", context.id);
  if (!context.model.empty()) text("model", context.model);
  if (context.version > 0) line += fmt::format(",\"version\":{}", context.version);
  if (context.rows > 0) line += fmt::format(",\"rows\":{}", context.rows);
  if (!context.traceparent.empty()) text("traceparent", context.traceparent);
  return line + "}\n";
}

AccessLog::AccessLog(std::string file, Metrics& metrics)
    : name_(std::move(file)),
      metrics_(metrics),
      file_(opened(name_)),
      lines_(kMostLines, kPause, [this](const std::vector<std::string>& lines) { write(lines); }) {}

void AccessLog::add(const RequestContext& context, int status, std::size_t bytes) {
  if (!lines_.add(access_line(context, status, bytes))) metrics_.log_dropped("access", 1);
}

void AccessLog::write(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line;
  std::string problem;
  try {
    if (has_moved(name_, file_)) file_ = opened(name_);
    if (!write_all(file_.get(), text))
      problem = fmt::format("access_log: cannot write {}: {}", name_, std::strerror(errno));
  } catch (const ConfigError& error) {
    problem = error.what();
  }
  if (!problem.empty()) metrics_.log_dropped("access", lines.size());
  if (!problem.empty() && !is_failing_) log::warn(problem + "; lines are dropped until it can");
  is_failing_ = !problem.empty();
}

}  // namespace ringtrain
