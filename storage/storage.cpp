#include "storage/storage.h"

#include "common/hash.h"
#include "storage/arrow_files.h"
#include "storage/local_storage.h"
#include "storage/object_storage.h"

namespace ringtrain {

std::shared_ptr<const Storage> storage_of(const Location& place) {
  if (!place.is_remote()) return std::make_shared<LocalStorage>();
  return std::make_shared<ObjectStorage>(open_store(place));
}

std::int64_t stored_bytes(const Location& file) {
  if (file.is_remote()) {
    const auto found = storage_of(file)->find(file);
    return found ? found->bytes : 0;
  }
  std::error_code none;
  const auto bytes = std::filesystem::file_size(file.local(), none);
  return none ? 0 : static_cast<std::int64_t>(bytes);
}

std::string hash_stored(const Location& file) {
  if (!file.is_remote()) return hash_file(file.local());
  Hasher hasher;
  read_object(file, [&](std::string_view piece) { hasher.add(piece); });
  return hasher.text();
}

}  // namespace ringtrain
