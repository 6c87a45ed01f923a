#include "data/blocks/decoded_blocks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "ringtrain-rows-";
constexpr std::array kEndings = {".train", ".validation", ".test"};
constexpr std::size_t kWriteAtOnce = std::size_t{1} << 20;

/// A lock on a file, which is made; freed when the process ends, however it does.
class FileLock {
 public:
  FileLock(const fs::path& file, int how)
      : descriptor_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    held_ = descriptor_ >= 0 && ::flock(descriptor_, how) == 0;
  }
  ~FileLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool held() const { return held_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
  bool held_ = false;
};

/// A file of records; behind them their hash, so that a torn one is seen.
class RecordFile {
 public:
  explicit RecordFile(fs::path file) : file_(std::move(file)), staged_(file_.string() + "." + unique_word()) {
    descriptor_ = ::open(staged_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor_ < 0) fail();
  }
  ~RecordFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(staged_.c_str());
  }
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  void add(std::string_view record) {
    buffer_ += record;
    ++records_;
    if (buffer_.size() >= kWriteAtOnce) flush();
  }
  std::int64_t records() const { return records_; }
  void finish() {
    flush();
    buffer_ = hasher_.text();
    flush();
    ::close(std::exchange(descriptor_, -1));
    fs::rename(staged_, file_);
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(
        fmt::format("{} cannot be written ({}); data.streaming.folder names a folder with more room, "
                    "data.streaming.folder_mib limits what is kept there",
                    staged_, std::strerror(errno)));
  }
  void flush() {
    hasher_.add(buffer_);
    for (std::size_t at = 0; at < buffer_.size();) {
      const auto wrote = ::write(descriptor_, buffer_.data() + at, buffer_.size() - at);
      if (wrote < 0 && errno != EINTR) fail();
      if (wrote > 0) at += static_cast<std::size_t>(wrote);
    }
    buffer_.clear();
  }

  fs::path file_;
  std::string staged_;
  int descriptor_ = -1;
  std::string buffer_;
  std::int64_t records_ = 0;
  Hasher hasher_;
};

constexpr std::int64_t kHashBytes = 16;

bool is_sound(const OpenedFile& file, std::int64_t bytes) {
  if (file.size() != bytes + kHashBytes) return false;
  Hasher hasher;
  std::string buffer;
  for (std::int64_t at = 0; at < bytes; at += static_cast<std::int64_t>(buffer.size())) {
    buffer.resize(static_cast<std::size_t>(std::min<std::int64_t>(kWriteAtOnce, bytes - at)));
    file.read(at, buffer.data(), static_cast<std::int64_t>(buffer.size()));
    hasher.add(buffer);
  }
  buffer.resize(kHashBytes);
  file.read(bytes, buffer.data(), kHashBytes);
  return buffer == hasher.text();
}

/// Folders that processes left which were killed, a day ago or more.
void remove_left_ones(const fs::path& in, const fs::path& but) {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator entry(in, error), end; !error && entry != end; entry.increment(error)) {
    struct ::stat status {};
    const auto& path = entry->path();
    if (path == but || !path.filename().string().starts_with(kPrefix) ||
        ::lstat(path.c_str(), &status) != 0 || status.st_uid != ::getuid() || !S_ISDIR(status.st_mode))
      continue;
    const auto age =
        std::chrono::system_clock::now() - std::chrono::system_clock::from_time_t(status.st_mtime);
    if (age > std::chrono::hours(24)) left.push_back(path);
  }
  for (const auto& path : left) {
    const FileLock lock(path / "users", LOCK_EX | LOCK_NB);
    if (lock.held()) fs::remove_all(path, error);
  }
}

}  // namespace

OpenedFile::OpenedFile(const fs::path& file)
    : file_(file), descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0)
    throw DataError(fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
}

OpenedFile::~OpenedFile() { ::close(descriptor_); }

void OpenedFile::read(std::int64_t at, char* to, std::int64_t bytes) const {
  while (bytes > 0) {
    const auto got = ::pread(descriptor_, to, static_cast<std::size_t>(bytes), at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      throw DataError(fmt::format("reading {} failed: {}", file_.string(),
                                  got == 0 ? "it is shorter than it was" : std::strerror(errno)));
    at += got;
    to += got;
    bytes -= got;
  }
}

std::int64_t OpenedFile::size() const {
  struct ::stat status {};
  return ::fstat(descriptor_, &status) == 0 ? static_cast<std::int64_t>(status.st_size) : -1;
}

DecodedBlocks::DecodedBlocks(Options options, const BlockDecoder& decoder, const BlockPlan& plan)
    : options_(std::move(options)), decoder_(decoder), plan_(plan) {
  const auto in = options_.folder.empty() ? fs::temp_directory_path() : options_.folder;
  folder_ = in / fmt::format("{}{}-{}", kPrefix, ::getuid(), options_.key);
  do {
    // The last user of before may remove the folder between the two.
    if (users_ >= 0) ::close(users_);
    ensure_writable_folder(folder_);
    fs::permissions(folder_, fs::perms::owner_all);
    FileLock users(folder_ / "users", LOCK_SH);
    if (!users.held())
      throw Error(fmt::format("{} cannot be locked: {}", folder_.string(), std::strerror(errno)));
    users_ = users.release();
  } while (!fs::exists(folder_ / "users"));
  remove_left_ones(in, folder_);
}

DecodedBlocks::~DecodedBlocks() {
  // The last one: all others have given their share back.
  std::error_code error;
  if (::flock(users_, LOCK_EX | LOCK_NB) == 0) fs::remove_all(folder_, error);
  ::close(users_);
}

fs::path DecodedBlocks::file_of(std::size_t block, SplitPart part) const {
  return folder_ / fmt::format("{}{}", block, kEndings[static_cast<std::size_t>(part)]);
}

std::shared_ptr<OpenedFile> DecodedBlocks::find(std::size_t block, SplitPart part) const {
  std::error_code error;
  const auto file = file_of(block, part);
  if (!fs::exists(file, error)) return nullptr;
  auto opened = std::make_shared<OpenedFile>(file);
  const auto rows = plan_.rows.at(block)[static_cast<std::size_t>(part)];
  if (is_sound(*opened, rows * decoder_.records().bytes())) {
    fs::last_write_time(file, fs::file_time_type::clock::now(), error);  // the least recently used goes first
    return opened;
  }
  return nullptr;
}

std::shared_ptr<OpenedFile> DecodedBlocks::open(std::size_t block, SplitPart part) {
  if (auto found = find(block, part)) return found;
  {
    const FileLock one(folder_ / fmt::format("{}.lock", block), LOCK_EX);
    if (auto found = find(block, part)) return found;  // another rank, or another thread, made it
    decode(block);
    if (auto found = find(block, part)) return found;
  }
  throw Error(fmt::format("{} was changed by another program", file_of(block, part).string()));
}

void DecodedBlocks::decode(std::size_t block) {
  std::vector<std::unique_ptr<RecordFile>> files;
  for (const auto part : {SplitPart::train, SplitPart::validation, SplitPart::test})
    files.push_back(std::make_unique<RecordFile>(file_of(block, part)));
  decoder_.decode(block, [&](SplitPart part, std::string_view record) {
    files[static_cast<std::size_t>(part)]->add(record);
  });
  for (std::size_t p = 0; p < files.size(); ++p)
    if (files[p]->records() != plan_.rows.at(block)[p])
      throw DataError(
          fmt::format("block {} of the data has {} rows in a part for which there were {}; the "
                      "file has changed since it was measured",
                      block, files[p]->records(), plan_.rows[block][p]));
  for (auto& file : files) file->finish();
  decoded_.fetch_add(1);
  make_room(block);
}

void DecodedBlocks::make_room(std::size_t kept) const {
  if (options_.most_bytes <= 0) return;
  struct Found {
    fs::file_time_type time;
    fs::path path;
    std::int64_t bytes;
  };
  std::vector<Found> files;
  std::int64_t sum = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() != kEndings[0]) continue;
    const auto bytes = static_cast<std::int64_t>(entry.file_size(error));
    const auto time = entry.last_write_time(error);
    if (error) continue;  // another rank has removed it
    files.push_back({time, entry.path(), bytes});
    sum += bytes;
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  for (const auto& file : files) {
    if (sum <= options_.most_bytes) return;
    if (file.path == file_of(kept, SplitPart::train)) continue;
    fs::remove(file.path, error);
    sum -= file.bytes;
  }
}

}  // namespace ringtrain
