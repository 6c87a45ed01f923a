#include "serving/repository/model_repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "common/errors.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

std::optional<std::int64_t> version_of(const std::string& name) {
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  if (error != std::errc() || end != name.data() + name.size() || version < 1 || name[0] == '0')
    return std::nullopt;
  return version;
}

}  // namespace

std::vector<std::int64_t> versions(const fs::path& model) {
  std::vector<std::int64_t> found;
  std::error_code error;
  for (fs::directory_iterator entry(model, error), end; !error && entry != end; entry.increment(error))
    if (const auto version = version_of(entry->path().filename().string()); version && entry->is_directory())
      found.push_back(*version);
  std::sort(found.begin(), found.end());
  return found;
}

std::int64_t next_version(const fs::path& model) {
  const auto found = versions(model);
  return found.empty() ? 1 : found.back() + 1;
}

fs::path resolve_version(const fs::path& model) {
  if (fs::exists(model / "manifest.json")) return model;
  if (!fs::is_directory(model))
    throw ExportError(
        fmt::format("{} is not a folder; expected an exported model: EXPORT/NAME or EXPORT/NAME/VERSION",
                    model.string()));
  const auto found = versions(model);
  if (found.empty())
    throw ExportError(
        fmt::format("{} holds no version of a model (no folder 1, 2, ... and no manifest.json); expected an "
                    "exported model: EXPORT/NAME or EXPORT/NAME/VERSION",
                    model.string()));
  return model / std::to_string(found.back());
}

void require_model_name(const std::string& name) {
  const bool good = !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.").find(c) != std::string_view::npos;
  });
  if (!good)
    throw ConfigError(fmt::format(
        "the model's name '{}' cannot name a folder of a model repository; use letters, digits, '-', "
        "'_' and '.'",
        name));
}

}  // namespace ringtrain
