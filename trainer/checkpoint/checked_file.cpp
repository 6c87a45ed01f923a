#include "trainer/checkpoint/checked_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/errors.h"

namespace ringtrain {

// A write of more is cut off by Linux anyway (write(2)), and hashing goes on piece by piece while the disk
// works.
constexpr std::size_t kPiece = std::size_t{8} << 20;

CheckedFile::CheckedFile(std::filesystem::path file)
    : file_(std::move(file)),
      descriptor_(::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) fail("create");
}

CheckedFile::~CheckedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void CheckedFile::fail(std::string_view what) const {
  throw CheckpointError(fmt::format("cannot {} {}: {}", what, file_.string(), std::strerror(errno)));
}

void CheckedFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, kPiece);
    const ssize_t written = ::write(descriptor_, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    const auto count = static_cast<std::size_t>(written);
    hasher_.add(piece.substr(0, count));
    bytes_ += count;
    bytes.remove_prefix(count);
  }
}

CheckedFile::Record CheckedFile::finish() {
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("close");
  return {bytes_, hasher_.text()};
}

}  // namespace ringtrain
