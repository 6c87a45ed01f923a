#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/descriptor.h"
#include "common/errors.h"

namespace ringtrain {

/// Held while what belongs to a model is changed: BASE/NAME/.lock, by flock. Waits for others, also those in
/// this process. Throws Error with the system's reason.
class ModelLock {
 public:
  explicit ModelLock(const std::filesystem::path& model)
      : file_(::open((model / ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
    if (!file_ || ::flock(file_.get(), LOCK_EX) != 0)
      throw Error(fmt::format("{} cannot be locked: {}", (model / ".lock").string(), std::strerror(errno)));
  }

 private:
  Descriptor file_;
};

}  // namespace ringtrain
