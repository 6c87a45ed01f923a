#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/hash.h"

namespace ringtrain {

/// A file that is being written: its length and its XXH3 come from the bytes as they are handed over, so that
/// what a disk makes of them later can be told from what was meant.
class CheckedFile {
 public:
  struct Record {
    std::uint64_t bytes = 0;
    std::string xxh3;
  };
  /// Throws CheckpointError with the system's reason, as all of them do.
  explicit CheckedFile(std::filesystem::path file);
  ~CheckedFile();
  CheckedFile(const CheckedFile&) = delete;
  CheckedFile& operator=(const CheckedFile&) = delete;
  void write(std::string_view bytes);
  /// Closes it. It is durable once its folder is (StagedFolder::commit).
  Record finish();

 private:
  [[noreturn]] void fail(std::string_view what) const;
  std::filesystem::path file_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
  Hasher hasher_;
};

}  // namespace ringtrain
