#include "storage/local_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

StoredFile known_of(const fs::path& file) {
  const auto time = std::chrono::file_clock::to_sys(fs::last_write_time(file)).time_since_epoch();
  return {.place = file,
          .bytes = static_cast<std::int64_t>(fs::file_size(file)),
          .modified = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()};
}

template <class Do>
auto or_data_error(const Location& place, Do action) {
  try {
    return action();
  } catch (const fs::filesystem_error& error) {
    throw DataError(fmt::format("cannot read {}: {}", place.string(), error.code().message()));
  }
}

}  // namespace

std::optional<StoredFile> LocalStorage::find(const Location& place) const {
  return or_data_error(place, [&]() -> std::optional<StoredFile> {
    const auto& path = place.local();
    const auto status = fs::status(path);
    if (!fs::exists(status)) return std::nullopt;
    if (fs::is_directory(status)) return StoredFile{.place = place, .is_folder = true};
    return known_of(path);
  });
}

std::vector<StoredFile> LocalStorage::list(const Location& folder) const {
  return or_data_error(folder, [&] {
    std::vector<StoredFile> files;
    if (!fs::is_directory(folder.local())) return files;
    for (const auto& entry : fs::recursive_directory_iterator(folder.local()))
      if (entry.is_regular_file()) files.push_back(known_of(entry.path()));
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
    return files;
  });
}

std::string LocalStorage::read(const Location& file) const { return read_file(file.local()); }

void LocalStorage::fetch(const Location& file, const fs::path& to) const {
  write_file_atomically(to, read_file(file.local()));
}

void LocalStorage::put(const Location& file, std::string_view content) const {
  if (file.local().has_parent_path()) fs::create_directories(file.local().parent_path());
  write_file_atomically(file.local(), content);
}

void LocalStorage::put_file(const Location& file, const fs::path& from) const { put(file, read_file(from)); }

void LocalStorage::remove(const Location& file) const {
  or_data_error(file, [&] { return fs::remove(file.local()); });
}

}  // namespace ringtrain
