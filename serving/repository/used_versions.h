#pragma once

#include <cstdint>
#include <filesystem>

namespace ringtrain {

/// The largest number that a version of the model (BASE/NAME) ever had, as far as its folder tells: its
/// versions, versions.json, and BASE/NAME/.last_version, which outlives versions that were deleted. 0: none.
/// Throws ExportError when the folder is there and cannot be listed.
std::int64_t last_used_version(const std::filesystem::path& model);

/// Writes it to BASE/NAME/.last_version, and removes the marks up to it that killed exports left. What fails
/// is logged: the versions themselves are whole.
void remember_used_versions(const std::filesystem::path& model);

/// The number of a version that is being made: one above those that were ever used or are reserved now, by
/// this process or others, also on other hosts (BASE/NAME/.N.taken, a folder: making one is atomic on every
/// file system). Free again when the object goes, unless the version was published and remembered meanwhile.
class ReservedVersion {
 public:
  /// Makes the model's folder where there is none. Throws Error with the system's reason.
  explicit ReservedVersion(const std::filesystem::path& model);
  ~ReservedVersion();
  ReservedVersion(const ReservedVersion&) = delete;
  ReservedVersion& operator=(const ReservedVersion&) = delete;
  std::int64_t number() const { return number_; }

 private:
  std::int64_t number_ = 0;
  std::filesystem::path mark_;
};

}  // namespace ringtrain
