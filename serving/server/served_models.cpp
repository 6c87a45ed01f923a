#include "serving/server/served_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "serving/model_repository.h"

namespace ringtrain {

namespace fs = std::filesystem;

ServedModels::ServedModels(fs::path base) : base_(std::move(base)), single_(!versions(base_).empty()) {
  if (!fs::is_directory(base_)) throw ExportError(fmt::format("{}: there is no such folder", base_.string()));
}

std::map<std::string, fs::path> ServedModels::folders() const {
  if (single_) return {{fs::absolute(base_).lexically_normal().filename().string(), base_}};
  std::map<std::string, fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(base_, ignored))
    if (entry.is_directory(ignored) && !versions(entry.path()).empty())
      found[entry.path().filename().string()] = entry.path();
  return found;
}

bool ServedModels::scan() {
  const auto present = folders();
  bool changed = false;
  for (const auto& [name, folder] : present) {
    const auto numbers = versions(folder);
    if (numbers.empty()) continue;
    Version newest{.number = numbers.back(), .predictor = nullptr, .problem = ""};
    {
      const std::lock_guard lock(mutex_);
      const auto same = [&](const std::map<std::string, Version>& known) {
        const auto one = known.find(name);
        return one != known.end() && one->second.number == newest.number;
      };
      if (same(live_) || same(failed_)) continue;
    }
    // Without the lock: the version before goes on answering meanwhile.
    try {
      newest.predictor = std::make_shared<const Predictor>(folder / std::to_string(newest.number));
    } catch (const std::exception& error) {
      newest.problem = error.what();
    }
    changed = true;
    const std::lock_guard lock(mutex_);
    if (newest.predictor) {
      log::info(fmt::format("model {} version {}: loaded", name, newest.number));
      live_[name] = std::move(newest);
      failed_.erase(name);
    } else {
      log::error(fmt::format("model {} version {}: not loaded: {}", name, newest.number, newest.problem));
      failed_[name] = std::move(newest);
    }
  }
  const std::lock_guard lock(mutex_);
  const auto gone = [&](const auto& item) { return !present.contains(item.first); };
  const auto removed = std::erase_if(live_, gone) + std::erase_if(failed_, gone);
  return changed || removed > 0;
}

std::vector<ServedModels::Version> ServedModels::versions_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  std::vector<Version> found;
  for (const auto* known : {&failed_, &live_})
    if (const auto one = known->find(name); one != known->end()) found.push_back(one->second);
  return found;
}

std::optional<ServedModels::Version> ServedModels::find(const std::string& name,
                                                        const std::optional<std::int64_t>& number) const {
  const std::lock_guard lock(mutex_);
  const auto one = live_.find(name);
  if (one == live_.end() || (number && *number != one->second.number)) return std::nullopt;
  return one->second;
}

std::vector<std::string> ServedModels::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto* known : {&live_, &failed_})
    for (const auto& [name, version] : *known)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

}  // namespace ringtrain
