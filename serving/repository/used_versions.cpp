#include "serving/repository/used_versions.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/version_state.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

constexpr auto kFile = ".last_version";

std::int64_t remembered(const fs::path& model) {
  const auto file = model / kFile;
  std::error_code error;
  if (!fs::exists(file, error) && !error) return 0;
  try {
    auto text = read_file(file);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (const auto number = version_number(text)) return *number;
    log::warn(fmt::format("{}: expected a version's number, got '{}'", file.string(), text.substr(0, 40)));
  } catch (const Error& problem) {
    log::warn(problem.what());
  }
  return 0;
}

std::int64_t named_in_state(const fs::path& model) {
  try {
    const auto state = VersionState::read(model);
    std::int64_t last = state.live.value_or(0);
    for (const auto version : state.before) last = std::max(last, version);
    for (const auto version : state.specific) last = std::max(last, version);
    for (const auto& [label, version] : state.labels) last = std::max(last, version);
    return last;
  } catch (const Error&) {  // said by whoever needs the state itself
    return 0;
  }
}

fs::path mark_of(const fs::path& model, std::int64_t number) {
  return model / fmt::format(".{}.taken", number);
}

/// Those of exports that were killed; nobody takes a number again that is not above `last`.
void remove_marks(const fs::path& model, std::int64_t last) {
  std::vector<fs::path> marks;
  for (const auto& entry : fs::directory_iterator(model)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with('.') || !name.ends_with(".taken")) continue;
    const auto number = version_number(name.substr(1, name.size() - 1 - std::string(".taken").size()));
    if (number && *number <= last) marks.push_back(entry.path());
  }
  std::error_code ignored;
  for (const auto& mark : marks) fs::remove(mark, ignored);
}

}  // namespace

std::int64_t last_used_version(const fs::path& model) {
  const auto present = versions(model);
  return std::max({present.empty() ? 0 : present.back(), remembered(model), named_in_state(model)});
}

void remember_used_versions(const fs::path& model) {
  try {
    const auto last = last_used_version(model);
    if (last > remembered(model)) write_file_atomically(model / kFile, fmt::format("{}\n", last));
    remove_marks(model, last);
  } catch (const Error& error) {
    log::warn(fmt::format("{}: which numbers were used is not remembered: {}", model.string(), error.what()));
  }
}

ReservedVersion::ReservedVersion(const fs::path& model) {
  std::error_code error;
  fs::create_directories(model, error);
  if (error) throw Error(fmt::format("cannot create the folder {}: {}", model.string(), error.message()));
  for (number_ = last_used_version(model) + 1;; ++number_) {
    mark_ = mark_of(model, number_);
    const bool made = fs::create_directory(mark_, error);
    if (error) throw Error(fmt::format("cannot create the folder {}: {}", mark_.string(), error.message()));
    if (!made) continue;
    // Another export may have published this number between the look and the mark.
    if (last_used_version(model) < number_) return;
    fs::remove(mark_, error);
  }
}

ReservedVersion::~ReservedVersion() {
  std::error_code ignored;
  fs::remove(mark_, ignored);
}

}  // namespace ringtrain
