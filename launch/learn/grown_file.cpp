#include "launch/learn/grown_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain {

static Error failure(const char* what, const std::filesystem::path& file) {
  return Error(fmt::format("cannot {} {}: {}", what, file.string(), std::strerror(errno)));
}

GrownFile::GrownFile(std::filesystem::path file, std::int64_t bytes)
    : file_(std::move(file)),
      descriptor_(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)),
      bytes_(bytes) {
  if (!descriptor_) throw failure("write", file_);
  struct stat about {};
  if (::fstat(descriptor_.get(), &about) != 0) throw failure("read", file_);
  if (about.st_size < bytes)
    throw CheckpointError(fmt::format(
        "{}: it has {} bytes, and had {} at the checkpoint: lines of it are lost. Bring the file back, or "
        "begin anew with --overwrite",
        file_.string(), about.st_size, bytes));
  if (::ftruncate(descriptor_.get(), bytes) != 0) throw failure("cut", file_);
  sync_folder(file_.parent_path());
}

void GrownFile::add(std::string_view line, bool sync_it) {
  const std::string text = fmt::format("{}\n", line);
  std::string_view left = text;
  while (!left.empty()) {
    const auto written = ::write(descriptor_.get(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw failure("write", file_);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  bytes_ += static_cast<std::int64_t>(text.size());
  if (sync_it) sync();
}

void GrownFile::sync() {
  if (::fdatasync(descriptor_.get()) != 0) throw failure("sync", file_);
}

}  // namespace ringtrain
