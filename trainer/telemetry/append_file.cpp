#include "trainer/telemetry/append_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/errors.h"
#include "common/log.h"

namespace ringtrain {

AppendFile::AppendFile(std::filesystem::path file)
    : file_(std::move(file)),
      descriptor_(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) throw Error(fmt::format("cannot write {}: {}", file_.string(), std::strerror(errno)));
}

AppendFile::~AppendFile() { ::close(descriptor_); }

void AppendFile::add(std::string_view line) {
  const std::string text = fmt::format("{}{}\n", torn_ ? "\n" : "", line);
  const ssize_t written = ::write(descriptor_, text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) {
    torn_ = warned_ = false;
    return;
  }
  torn_ = torn_ || written > 0;
  if (std::exchange(warned_, true)) return;
  log::warn(fmt::format("a line of {} is lost: {}; training goes on", file_.string(),
                        written < 0 ? std::strerror(errno) : "the disk is full"));
}

}  // namespace ringtrain
