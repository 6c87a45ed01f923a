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
  warn_of_loss(written < 0 ? std::strerror(errno) : "the disk is full");
}

void AppendFile::add_bytes(std::string_view bytes) {
  const off_t before = ::lseek(descriptor_, 0, SEEK_END);
  const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size())) {
    warned_ = false;
    return;
  }
  warn_of_loss(written < 0 ? std::strerror(errno) : "the disk is full");
  // Who reads such a file cannot pass over half a record.
  if (written > 0 && ::ftruncate(descriptor_, before) != 0) warn_of_loss(std::strerror(errno));
}

void AppendFile::warn_of_loss(const char* why) {
  if (std::exchange(warned_, true)) return;
  log::warn(fmt::format("a line of {} is lost: {}; training goes on", file_.string(), why));
}

}  // namespace ringtrain
