#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/location.h"

namespace ringtrain {

/// What is known of a file or folder without reading it.
struct StoredFile {
  Location place;
  bool is_folder = false;
  std::int64_t bytes = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::string etag{};         ///< of an object: the store's mark of its content, where it was asked for
};

/// Files somewhere: on this machine, or in an object store. All throw DataError that names the place and says
/// what to do where the store does not answer or refuses; faults that pass (a connection that is cut, an
/// answer 503) are tried again before that, for a while, with a warning each time. Any thread.
class Storage {
 public:
  virtual ~Storage() = default;
  /// A file, with its ETag, or folder; nothing where there is none. In a store a folder is what objects are
  /// below.
  virtual std::optional<StoredFile> find(const Location& place) const = 0;
  /// All files below a folder, by their names as bytes; none where it is not there.
  virtual std::vector<StoredFile> list(const Location& folder) const = 0;
  /// The content of a file. Throws DataError where it is not there.
  virtual std::string read(const Location& file) const = 0;
  /// A copy on this machine, whole or not at all.
  virtual void fetch(const Location& file, const std::filesystem::path& to) const = 0;
  /// Makes or replaces a file: readers see the old content or the whole new one.
  virtual void put(const Location& file, std::string_view content) const = 0;
  /// The same with the content of a file of this machine.
  virtual void put_file(const Location& file, const std::filesystem::path& from) const = 0;
  /// Of a file that is not there nothing.
  virtual void remove(const Location& file) const = 0;
};

/// The storage of a place. The libraries of an object store are loaded with the first place in it.
std::shared_ptr<const Storage> storage_of(const Location& place);

/// The size of a file; 0 where it is not known: a pipe, a file that is not there.
std::int64_t stored_bytes(const Location& file);

/// XXH3 of a file's content, as hash_file (common/hash.h) gives it for a file of this machine.
std::string hash_stored(const Location& file);

}  // namespace ringtrain
