#include "serving/log/log_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain::log_files {
namespace fs = std::filesystem;
namespace {

constexpr const char* kRequests = "requests";
constexpr const char* kFeedback = "feedback";

UtcTime written_at(const fs::directory_entry& file) {
  return UtcTime(std::chrono::duration_cast<UtcTime::duration>(
      std::chrono::file_clock::to_sys(file.last_write_time()).time_since_epoch()));
}

/// The folders in a folder; none where it is not there.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.is_directory(error)) found.push_back(entry.path());
  return found;
}

void add_files(const fs::path& folder, const std::string& model, std::int64_t version,
               std::vector<LogFile>& files) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.is_regular_file(error) || entry.path().extension() != ".parquet") continue;
    try {
      files.push_back({entry.path(), model, version, entry.file_size(), written_at(entry)});
    } catch (const fs::filesystem_error&) {  // removed meanwhile
    }
  }
}

}  // namespace

std::vector<LogFile> list(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw DataError(
        fmt::format("{}: there is no such folder; give the log.folder of a server", folder.string()));
  std::vector<LogFile> files;
  for (const auto& model : folders_in(folder)) {
    const auto name = model.filename().string();
    for (const auto& version : folders_in(model / kRequests)) {
      const auto digits = version.filename().string();
      std::int64_t number = 0;
      const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (wrong == std::errc() && end == digits.data() + digits.size() && number > 0)
        add_files(version, name, number, files);
    }
    add_files(model / kFeedback, name, 0, files);
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

void put(const fs::path& folder, const std::string& model, std::int64_t version, UtcTime first,
         std::string_view bytes) {
  const auto place =
      version > 0 ? folder / model / kRequests / std::to_string(version) : folder / model / kFeedback;
  auto time = utc_text(first);
  std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
  ensure_writable_folder(place);
  write_file_atomically(place / fmt::format("{}-{}.parquet", time, unique_word()), bytes);
}

std::size_t remove_old(const fs::path& folder, UtcTime keep_since, std::uintmax_t most_bytes) {
  auto files = list(folder);
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.written < b.written; });
  std::uintmax_t all = 0;
  for (const auto& file : files) all += file.bytes;
  std::size_t removed = 0;
  for (const auto& file : files) {
    if (file.written >= keep_since && all <= most_bytes) break;
    std::error_code error;
    if (fs::remove(file.path, error)) ++removed;
    all -= file.bytes;
  }
  return removed;
}

}  // namespace ringtrain::log_files
