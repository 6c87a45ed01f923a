#include "common/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <random>

#include "common/descriptor.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/output_file.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

Descriptor open_file(const fs::path& path, int flags, mode_t mode = 0) {
  return Descriptor(::open(path.c_str(), flags | O_CLOEXEC, mode));
}

[[noreturn]] void fail(std::string_view what, const fs::path& path) {
  throw Error(fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

}  // namespace

void sync_file(const fs::path& file) {
  const Descriptor fd = open_file(file, O_RDONLY);
  if (!fd || ::fsync(fd.get()) != 0) fail("sync", file);
}

std::string read_file(const fs::path& file) {
  const auto refuse = [&file](const char* reason) -> std::string {
    throw DataError(fmt::format("cannot read {}: {}", file.string(), reason));
  };
  const Descriptor fd = open_file(file, O_RDONLY);
  if (!fd) return refuse(std::strerror(errno));
  std::string content;
  std::array<char, 1 << 16> piece;
  while (true) {  // not a stream: it ends at an error as it does at the end of the file
    const ssize_t size = ::read(fd.get(), piece.data(), piece.size());
    if (size == 0) return content;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return refuse(errno == EISDIR ? "it is a folder" : std::strerror(errno));
    content.append(piece.data(), static_cast<std::size_t>(size));
  }
}

void write_file_synced(const fs::path& file, std::string_view content) {
  const Descriptor fd = open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!fd) fail("create", file);
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", file);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd.get()) != 0) fail("sync", file);
}

void sync_folder(const fs::path& folder) {
  const Descriptor fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (!fd || ::fsync(fd.get()) != 0) fail("sync", folder);
}

void write_file_atomically(const fs::path& file, std::string_view content) {
  OutputFile output(file);
  output.write(content);
  output.commit();
}

std::string unique_word() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

void ensure_writable_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Error(fmt::format("cannot create the folder {}: {}", folder.string(), error.message()),
                ExitCode::configuration);
  const fs::path probe = folder / fmt::format(".probe.{}", ::getpid());
  {
    const Descriptor fd = open_file(probe, O_WRONLY | O_CREAT, 0644);
    if (!fd)
      throw Error(fmt::format("the folder {} is not writable: {}", folder.string(), std::strerror(errno)),
                  ExitCode::configuration);
  }
  ::unlink(probe.c_str());
}

StagedFolder::StagedFolder(fs::path final_path) : final_(std::move(final_path)) {
  staging_ = final_.parent_path() / fmt::format(".{}.{}.staging", final_.filename().string(), unique_word());
  std::error_code error;
  fs::create_directories(staging_, error);
  if (error) throw Error(fmt::format("cannot create the folder {}: {}", staging_.string(), error.message()));
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!staging_.empty()) fs::remove_all(staging_, ignored);
}

void StagedFolder::commit() {
  // Libraries that write files (LibTorch's archives) do not sync them.
  for (const auto& entry : fs::recursive_directory_iterator(staging_)) {
    if (entry.is_directory())
      sync_folder(entry.path());
    else if (entry.is_regular_file())
      sync_file(entry.path());
  }
  sync_folder(staging_);
  if (::rename(staging_.c_str(), final_.c_str()) != 0) fail("rename to", final_);
  staging_.clear();
  sync_folder(final_.has_parent_path() ? final_.parent_path() : fs::path("."));
}

}  // namespace ringtrain
