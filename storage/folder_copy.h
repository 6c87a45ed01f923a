#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "common/descriptor.h"
#include "storage/location.h"

namespace ringtrain {

/// A folder of this machine, and the same in an object store. A folder in it that has a manifest.json (a
/// checkpoint, a version of a model) is there when its manifest is: that is put last and removed first, so
/// that whoever is stopped in between leaves it whole or absent. Names that begin with '.' are this machine's
/// own, but for .last_version of a model. One process at a time may use a place; nothing enforces that.
class FolderCopy {
 public:
  /// `place`: remote.
  FolderCopy(Location place, std::filesystem::path folder);

  /// Brings what the store has: a folder with a manifest only where that differs from the one here. Below
  /// `mirrored` ("checkpoints"; "": nowhere) what the store has not is removed here. Throws DataError.
  void fetch(const std::string& mirrored);
  /// Puts what changed since it was put or fetched, and removes in the store what was put or fetched and is
  /// no longer here. A file that goes meanwhile is passed over, with the manifest beside it. Throws
  /// DataError; what was put before is in the store then, and the next call goes on.
  void upload();

  const Location& place() const { return place_; }

 private:
  /// What tells one content of a file here from the next.
  struct State {
    std::uintmax_t bytes = 0;
    std::int64_t modified = 0;
    bool operator==(const State&) const = default;
  };
  std::map<std::string, State> files_here() const;
  void put(const std::map<std::string, State>& files);
  void remove_gone(const std::map<std::string, State>& files);

  Location place_;
  std::filesystem::path folder_;
  std::map<std::string, State> known_;  ///< by name below the folder: as the store has it
  std::set<std::string> leftovers_;     ///< in the store, of folders without their manifest
};

/// Held by the one process of this machine that works in a copy. Goes with the process.
class CopyLock {
 public:
  /// `waits`: until it is free; else ConfigError is thrown where another process has it. Makes the folder
  /// above.
  CopyLock(const std::filesystem::path& folder, bool waits);

 private:
  Descriptor file_;
};

/// Where this machine keeps its copy of a place: a folder of its own below RINGTRAIN_CACHE, else
/// XDG_CACHE_HOME or
/// ~/.cache, else the temporary files.
std::filesystem::path cache_of(const Location& place, const std::string& purpose);

}  // namespace ringtrain
