#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ringtrain {

/// The whole content of a file. Throws DataError with the system's reason.
std::string read_file(const std::filesystem::path& file);

/// Writes a file so that readers see the old content or the whole new one, and it is durable: an OutputFile
/// (common/output_file.h), which says what becomes of links, devices and permissions. Throws Error with the
/// system's reason; then nothing is changed.
void write_file_atomically(const std::filesystem::path& file, std::string_view content);

/// Writes and syncs a file that nobody reads yet (inside a staging folder).
void write_file_synced(const std::filesystem::path& file, std::string_view content);

/// Makes a file's content durable.
void sync_file(const std::filesystem::path& file);

/// Makes entries of a folder durable.
void sync_folder(const std::filesystem::path& folder);

/// Creates a folder (and its parents) and checks that files can be made in it. Throws Error that names the
/// folder and the reason.
void ensure_writable_folder(const std::filesystem::path& folder);

/// Sixteen hexadecimal digits that no other process draws: for the names of temporary files.
std::string unique_word();

/// A folder that comes into being whole or not at all: files are made in `path()`, `commit` syncs it and
/// renames it to its final name. Without `commit` the destructor removes it.
class StagedFolder {
 public:
  /// Stages beside `final_path`, in a hidden folder of its own name (so never an integer version).
  explicit StagedFolder(std::filesystem::path final_path);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;
  const std::filesystem::path& path() const { return staging_; }
  void commit();

 private:
  std::filesystem::path final_;
  std::filesystem::path staging_;
};

}  // namespace ringtrain
