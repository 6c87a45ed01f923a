#include "comm/ring/shared_block.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "common/errors.h"

namespace ringtrain::ring {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw CommError(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

SharedBlock::SharedBlock(int file, std::size_t bytes) : bytes_(bytes) {
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) {
    ::close(file);
    fail(fmt::format("cannot map {} bytes of shared memory", bytes));
  }
  data_ = static_cast<std::byte*>(mapped);
}

SharedBlock SharedBlock::make(std::size_t bytes) {
  const int file = ::memfd_create("ringtrain", MFD_CLOEXEC);
  if (file < 0) fail("cannot make shared memory (memfd_create)");
  // Reserved now: a page that is missing later would be a SIGBUS.
  if (const int error = ::posix_fallocate(file, 0, static_cast<off_t>(bytes)); error != 0) {
    ::close(file);
    errno = error;
    fail(fmt::format("cannot reserve {} bytes of shared memory", bytes));
  }
  SharedBlock block(file, bytes);
  block.file_ = file;
  block.children_ = std::make_unique<PrivateInChildren>(block.data_, bytes, file);
  return block;
}

SharedBlock SharedBlock::open(pid_t process, int file, std::size_t bytes) {
  const std::string path = fmt::format("/proc/{}/fd/{}", process, file);
  const int opened = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (opened < 0) fail("cannot open " + path);
  // In another process namespace it is another file; what lies beyond its end would be a SIGBUS.
  struct stat found {};
  if (::fstat(opened, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size != static_cast<off_t>(bytes)) {
    ::close(opened);
    throw CommError(path + " is another file here");
  }
  SharedBlock block(opened, bytes);
  ::close(opened);
  ::madvise(block.data_, bytes, MADV_DONTFORK);
  return block;
}

SharedBlock::SharedBlock(SharedBlock&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      file_(std::exchange(other.file_, -1)),
      process_(other.process_),
      children_(std::move(other.children_)) {}

SharedBlock& SharedBlock::operator=(SharedBlock&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(file_, other.file_);
  std::swap(process_, other.process_);
  std::swap(children_, other.children_);
  return *this;
}

// In a child the addresses and the file's number may be another object's by now.
SharedBlock::~SharedBlock() {
  if (!process_.here()) return;
  children_.reset();
  if (data_) ::munmap(data_, bytes_);
  if (file_ >= 0) ::close(file_);
}

}  // namespace ringtrain::ring
