#include "common/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <streambuf>
#include <vector>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as of Linux
constexpr std::size_t kBuffered = std::size_t{64} << 10;

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

/// Links there are no paths: what is behind /proc/self/fd/1 may have none, or one that is another file's now.
bool is_in_proc(const fs::path& file) {
  struct statfs about {};
  return ::statfs(folder_of(file).c_str(), &about) == 0 && about.f_type == PROC_SUPER_MAGIC;
}

/// N of /proc/self/fd/N, /dev/fd/N.
std::optional<int> own_descriptor(const fs::path& file) {
  std::error_code error;
  if (fs::canonical(folder_of(file), error) != fs::path(fmt::format("/proc/{}/fd", ::getpid()))) return {};
  const auto name = file.filename().string();
  int number = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  return failed == std::errc() && end == name.data() + name.size() ? std::optional(number) : std::nullopt;
}

int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

class OutputFile::Buffer : public std::streambuf {
 public:
  explicit Buffer(int descriptor) : descriptor_(descriptor), bytes_(kBuffered) { forget(); }
  int problem() const { return problem_; }

 protected:
  int_type overflow(int_type c) override {
    if (sync() != 0) return traits_type::eof();
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    return sputc(traits_type::to_char_type(c));
  }
  int sync() override {
    if (problem_ == 0)
      problem_ = write_all(descriptor_, {pbase(), static_cast<std::size_t>(pptr() - pbase())});
    forget();
    return problem_ == 0 ? 0 : -1;
  }

 private:
  void forget() { setp(bytes_.data(), bytes_.data() + bytes_.size()); }
  int descriptor_, problem_ = 0;
  std::vector<char> bytes_;
};

OutputFile::OutputFile(fs::path file) : file_(std::move(file)), target_(file_), stream_(nullptr) {
  open();
  buffer_ = std::make_unique<Buffer>(descriptor_.get());
  stream_.rdbuf(buffer_.get());
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::fail(std::string_view what, int reason) const {
  throw Error(fmt::format("cannot {} {}{}: {}", what, file_.string(),
                          target_ == file_ ? "" : fmt::format(" (a link to {})", target_.string()),
                          std::strerror(reason)));
}

void OutputFile::open() {
  struct stat about {};
  for (int links = 0;; ++links) {
    if (links > kMostLinks) fail("write", ELOOP);
    if (::lstat(target_.c_str(), &about) != 0) {
      if (errno != ENOENT || !target_.has_filename()) fail("write", errno);
      return make_temporary(nullptr);
    }
    if (!S_ISLNK(about.st_mode)) break;
    if (is_in_proc(target_)) {
      const auto own = own_descriptor(target_);
      descriptor_ = Descriptor(own ? ::fcntl(*own, F_DUPFD_CLOEXEC, 0)
                                   : ::open(target_.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
      if (!descriptor_) fail("write", errno);
      return;
    }
    std::error_code error;
    const auto next = fs::read_symlink(target_, error);
    if (error) fail("write", error.value());
    target_ = next.is_absolute() ? next : folder_of(target_) / next;
  }
  if (S_ISREG(about.st_mode)) return make_temporary(&about);
  if (S_ISDIR(about.st_mode)) fail("write", EISDIR);
  descriptor_ = Descriptor(::open(target_.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
  if (!descriptor_) fail("write", errno);
}

/// `before`: the regular file that is to be replaced; null: there is none.
void OutputFile::make_temporary(const struct stat* before) {
  const auto name = target_.filename().string().substr(0, 200);  // of 255 that a name may have
  temporary_ = folder_of(target_) / fmt::format("{}.{}.tmp", name, unique_word());
  descriptor_ = Descriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!descriptor_) {
    temporary_.clear();
    fail("write", errno);
  }
  if (before == nullptr) return;
  // A file of others stays theirs; who may not give files away keeps the permissions alone.
  const bool given = (before->st_uid == ::geteuid() && before->st_gid == ::getegid()) ||
                     ::fchown(descriptor_.get(), before->st_uid, before->st_gid) == 0;
  const mode_t kept = given ? 07777 : 00777;
  ::fchmod(descriptor_.get(), before->st_mode & kept);
}

void OutputFile::write(std::string_view bytes) {
  stream_.flush();
  if (const int problem = buffer_->problem()) fail("write", problem);
  if (const int problem = write_all(descriptor_.get(), bytes)) fail("write", problem);
}

void OutputFile::commit() {
  write({});
  if (!stream_) fail("write", EIO);
  if (temporary_.empty()) {
    // A pipe or a terminal has nothing to sync.
    if (::fsync(descriptor_.get()) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
      fail("sync", errno);
    return;
  }
  if (::fsync(descriptor_.get()) != 0) fail("sync", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("replace", errno);
  temporary_.clear();
  sync_folder(folder_of(target_));
}

}  // namespace ringtrain
