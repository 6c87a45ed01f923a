#pragma once

#include "storage/storage.h"
#include "storage/stores.h"

namespace ringtrain {

/// An object store, by Arrow's file systems. What is put appears when its upload is complete, as these stores
/// promise.
class ObjectStorage : public Storage {
 public:
  explicit ObjectStorage(OpenStore store) : store_(std::move(store)) {}
  std::optional<StoredFile> find(const Location& place) const override;
  std::vector<StoredFile> list(const Location& folder) const override;
  std::string read(const Location& file) const override;
  void fetch(const Location& file, const std::filesystem::path& to) const override;
  void put(const Location& file, std::string_view content) const override;
  void put_file(const Location& file, const std::filesystem::path& from) const override;
  void remove(const Location& file) const override;

 private:
  void put_pieces(
      const Location& file,
      const std::function<void(const std::function<arrow::Status(std::string_view)>&)>& pieces) const;

  OpenStore store_;
};

/// The whole of an object, piece by piece. Throws DataError, also where it was replaced meanwhile.
void read_object(const Location& place, const std::function<void(std::string_view)>& take);

}  // namespace ringtrain
