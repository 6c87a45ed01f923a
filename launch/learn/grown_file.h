#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "common/descriptor.h"

namespace ringtrain {

/// A file of lines that grows, and that can be cut back to what it was at a checkpoint.
class GrownFile {
 public:
  /// Cuts the file to `bytes` (0: begins it); its name is durable then. Throws CheckpointError where it is
  /// shorter than that, Error with the system's reason.
  GrownFile(std::filesystem::path file, std::int64_t bytes);
  /// Adds a line, whole; `sync`: it is durable when this returns. Throws Error.
  void add(std::string_view line, bool sync);
  void sync();
  std::int64_t bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return file_; }

 private:
  std::filesystem::path file_;
  Descriptor descriptor_;
  std::int64_t bytes_;
};

}  // namespace ringtrain
