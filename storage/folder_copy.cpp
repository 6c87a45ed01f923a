#include "storage/folder_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "storage/storage.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "manifest.json";

std::string folder_of_name(const std::string& name) { return fs::path(name).parent_path().string(); }
bool is_manifest(const std::string& name) { return fs::path(name).filename() == kManifest; }
/// Files that name a checkpoint come behind what they name.
bool is_pointer(const std::string& name) {
  const auto file = fs::path(name).filename();
  return file == "latest" || file == "best";
}

bool is_own(const fs::path& name) {
  for (const auto& part : name)
    if (part.string().starts_with('.') && part != ".last_version") return true;
  return name.extension() == ".tmp" || name.filename() == "job.lock";
}

}  // namespace

FolderCopy::FolderCopy(Location place, fs::path folder)
    : place_(std::move(place)), folder_(std::move(folder)) {}

std::map<std::string, FolderCopy::State> FolderCopy::files_here() const {
  std::map<std::string, State> files;
  std::error_code gone;
  for (auto at = fs::recursive_directory_iterator(folder_, gone); at != fs::recursive_directory_iterator();
       at.increment(gone)) {
    if (gone) break;
    const auto name = at->path().lexically_relative(folder_);
    if (is_own(name)) {
      if (at->is_directory(gone)) at.disable_recursion_pending();
      continue;
    }
    if (!at->is_regular_file(gone)) continue;
    const State state{at->file_size(gone), fs::last_write_time(at->path(), gone).time_since_epoch().count()};
    if (!gone) files[name.string()] = state;
  }
  return files;
}

void FolderCopy::fetch(const std::string& mirrored) {
  const auto storage = storage_of(place_);
  std::map<std::string, std::vector<std::string>> folders;
  std::set<std::string> whole;
  for (const auto& file : storage->list(place_)) {
    const auto name = file.place.lexically_relative(place_).string();
    if (is_own(name)) continue;
    folders[folder_of_name(name)].push_back(name);
    if (is_manifest(name)) whole.insert(folder_of_name(name));
  }
  const auto is_version = [](const std::string& folder) {
    const auto name = fs::path(folder).filename().string();
    return name.starts_with("step-") ||
           (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos);
  };
  std::set<std::string> there;
  for (const auto& [folder, names] : folders) {
    if (is_version(folder) && !whole.contains(folder)) {
      leftovers_.insert(names.begin(), names.end());
      continue;
    }
    there.insert(names.begin(), names.end());
    if (whole.contains(folder)) {
      const auto manifest = fs::path(folder) / kManifest;
      const auto text = storage->read(place_ / manifest);
      std::error_code none;
      if (fs::exists(folder_ / manifest, none) && read_file(folder_ / manifest) == text) continue;
      const auto target = folder.empty() ? folder_ : folder_ / folder;
      fs::create_directories(target.parent_path());
      StagedFolder staged(target);
      for (const auto& name : names) storage->fetch(place_ / name, staged.path() / fs::path(name).filename());
      fs::remove_all(target);
      staged.commit();
      continue;
    }
    fs::create_directories(folder_ / folder);
    for (const auto& name : names) storage->fetch(place_ / name, folder_ / name);
  }
  if (!mirrored.empty())
    for (const auto& [name, state] : files_here())
      if (name.starts_with(mirrored + "/") && !there.contains(name)) {
        // A checkpoint that the store has not goes whole.
        const auto folder = fs::path(folder_of_name(name));
        fs::remove_all(folder == mirrored ? folder_ / name : folder_ / folder);
      }
  known_.clear();
  for (const auto& [name, state] : files_here())
    if (there.contains(name)) known_[name] = state;
}

void FolderCopy::put(const std::map<std::string, State>& files) {
  const auto storage = storage_of(place_);
  std::set<std::string> incomplete;
  const auto is_new = [&](const std::string& name, const State& state) {
    const auto known = known_.find(name);
    return known == known_.end() || known->second != state;
  };
  // A folder whose files change must not keep the manifest of what was there before.
  for (const auto& [name, state] : files) {
    const auto manifest = (fs::path(folder_of_name(name)) / kManifest).string();
    if (!is_manifest(name) && is_new(name, state) && files.contains(manifest) && known_.erase(manifest) > 0)
      storage->remove(place_ / manifest);
  }
  const auto put_all = [&](const auto& chosen) {
    for (const auto& [name, state] : files) {
      if (!chosen(name) || !is_new(name, state)) continue;
      if (is_manifest(name) && incomplete.contains(folder_of_name(name))) continue;
      if (!fs::exists(folder_ / name)) {
        incomplete.insert(folder_of_name(name));
        continue;
      }
      try {
        storage->put_file(place_ / name, folder_ / name);
      } catch (const DataError&) {
        if (fs::exists(folder_ / name)) throw;
        incomplete.insert(folder_of_name(name));
        continue;
      }
      known_[name] = state;
    }
  };
  put_all([](const std::string& name) { return !is_manifest(name) && !is_pointer(name); });
  put_all(is_manifest);
  put_all(is_pointer);
}

void FolderCopy::remove_gone(const std::map<std::string, State>& files) {
  const auto storage = storage_of(place_);
  std::vector<std::string> gone(leftovers_.begin(), leftovers_.end());
  for (const auto& [name, state] : known_)
    if (!files.contains(name)) gone.push_back(name);
  for (const bool manifests : {true, false})
    for (const auto& name : gone) {
      if (is_manifest(name) != manifests || files.contains(name)) continue;
      storage->remove(place_ / name);
      known_.erase(name);
    }
  leftovers_.clear();
}

void FolderCopy::upload() {
  const auto files = files_here();
  put(files);
  remove_gone(files);
}

CopyLock::CopyLock(const fs::path& folder, bool waits) {
  std::error_code told_below;
  fs::create_directories(folder.parent_path(), told_below);
  const auto name = folder.string() + ".lock";
  file_ = Descriptor(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file_) throw Error(fmt::format("cannot make {}: {}", name, std::strerror(errno)));
  int result = 0;
  do result = ::flock(file_.get(), waits ? LOCK_EX : LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  if (result == 0) return;
  if (errno == EWOULDBLOCK)
    throw ConfigError(fmt::format("another process of this machine works in {}: wait for its end, or stop it",
                                  folder.string()));
  throw Error(fmt::format("cannot lock {}: {}", name, std::strerror(errno)));
}

fs::path cache_of(const Location& place, const std::string& purpose) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value ? value : "");
  };
  auto base = variable("RINGTRAIN_CACHE");
  if (base.empty() && !variable("XDG_CACHE_HOME").empty()) base = variable("XDG_CACHE_HOME") / "ringtrain";
  if (base.empty() && !variable("HOME").empty()) base = variable("HOME") / ".cache" / "ringtrain";
  if (base.empty()) base = fs::temp_directory_path() / fmt::format("ringtrain-cache-{}", ::getuid());
  return base / purpose / hash_text(place.string()) / place.filename();
}

}  // namespace ringtrain
