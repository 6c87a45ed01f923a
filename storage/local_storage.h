#pragma once

#include "storage/storage.h"

namespace ringtrain {

/// Files of this machine.
class LocalStorage : public Storage {
 public:
  std::optional<StoredFile> find(const Location& place) const override;
  std::vector<StoredFile> list(const Location& folder) const override;
  std::string read(const Location& file) const override;
  void fetch(const Location& file, const std::filesystem::path& to) const override;
  void put(const Location& file, std::string_view content) const override;
  void put_file(const Location& file, const std::filesystem::path& from) const override;
  void remove(const Location& file) const override;
};

}  // namespace ringtrain
