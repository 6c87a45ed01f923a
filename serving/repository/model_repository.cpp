#include "serving/repository/model_repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "common/errors.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

/// Whether an entry that cannot be looked at for this reason is as good as not there: it went meanwhile, or
/// is a link that leads nowhere.
bool leads_nowhere(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory ||
         error == std::errc::too_many_symbolic_link_levels;
}

bool is_folder(const fs::directory_entry& entry, std::error_code& error) {
  std::error_code unknown;
  const bool is = entry.is_directory(unknown);
  if (unknown && !leads_nowhere(unknown)) error = unknown;
  return is && !unknown;
}

}  // namespace

std::optional<std::int64_t> version_number(std::string_view text) {
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 1 || text[0] == '0')
    return std::nullopt;
  return version;
}

std::vector<std::int64_t> versions(const fs::path& model, std::error_code& error) {
  std::vector<std::int64_t> found;
  error.clear();
  std::error_code of_entry;
  for (fs::directory_iterator entry(model, error), end; !error && entry != end; entry.increment(error))
    if (const auto version = version_number(entry->path().filename().string());
        version && is_folder(*entry, of_entry))
      found.push_back(*version);
  if (!error) error = of_entry;
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::int64_t> versions(const fs::path& model) {
  std::error_code error;
  auto found = versions(model, error);
  if (!error) return found;
  if (leads_nowhere(error)) return {};
  throw ExportError(fmt::format("{} cannot be listed: {}", model.string(), error.message()));
}

ModelFolders model_folders(const fs::path& base) {
  ModelFolders found;
  std::error_code error;
  for (fs::directory_iterator entry(base, error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.front() == '.') continue;
    std::error_code of_entry;
    const bool has_versions = is_folder(*entry, of_entry) && !versions(entry->path(), of_entry).empty();
    if (of_entry && !leads_nowhere(of_entry))
      found.unreadable[name] =
          fmt::format("{} cannot be listed: {}", entry->path().string(), of_entry.message());
    else if (has_versions)
      found.models[name] = entry->path();
  }
  if (error) throw ExportError(fmt::format("{} cannot be listed: {}", base.string(), error.message()));
  return found;
}

std::string model_name_of(const fs::path& folder) {
  return fs::absolute(folder / ".").lexically_normal().parent_path().filename().string();
}

fs::path resolve_version(const fs::path& model) {
  std::error_code unknown;
  if (fs::exists(model / "manifest.json", unknown)) return model;
  const auto type = fs::status(model, unknown).type();
  if (type != fs::file_type::directory && type != fs::file_type::none)  // none: it cannot be told
    throw ExportError(
        fmt::format("{} is not a folder; expected an exported model: EXPORT/NAME or EXPORT/NAME/VERSION",
                    model.string()));
  const auto found = versions(model);
  if (found.empty() && version_number(model.filename().string()))
    throw ExportError(
        fmt::format("{}/manifest.json is missing: the version is not whole; copy all its files, or "
                    "export again",
                    model.string()));
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
