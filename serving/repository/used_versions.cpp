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

}  // namespace

std::int64_t last_used_version(const fs::path& model) {
  const auto present = versions(model);
  return std::max({present.empty() ? 0 : present.back(), remembered(model), named_in_state(model)});
}

void remember_used_versions(const fs::path& model) {
  try {
    const auto last = last_used_version(model);
    if (last > remembered(model)) write_file_atomically(model / kFile, fmt::format("{}\n", last));
  } catch (const Error& error) {
    log::warn(fmt::format("{}: which numbers were used is not remembered: {}", model.string(), error.what()));
  }
}

ReservedVersion::ReservedVersion(const fs::path& model) {
  std::error_code error;
  fs::create_directories(model, error);
  if (error) throw Error(fmt::format("cannot create the folder {}: {}", model.string(), error.message()));
  for (number_ = last_used_version(model) + 1;; ++number_) {
    mark_ = model / fmt::format(".{}.taken", number_);
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
