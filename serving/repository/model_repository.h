#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace ringtrain {

/// The number that a version's folder is called by: digits from 1 without leading zeros, below 2^63. Empty:
/// it is none.
std::optional<std::int64_t> version_number(std::string_view text);

/// The versions of one model on disk: BASE/NAME/1, BASE/NAME/2, … Only folders whose names are version_number
/// are versions; everything else there (staging, config.pbtxt) is not. Ascending; empty when there is no such
/// folder. Throws ExportError with the system's reason when the folder cannot be listed.
std::vector<std::int64_t> versions(const std::filesystem::path& model);
/// The same; `error` is set where they cannot be told, also when there is no such folder.
std::vector<std::int64_t> versions(const std::filesystem::path& model, std::error_code& error);

/// The folders of BASE that hold versions, by name; hidden ones (".name") are none.
struct ModelFolders {
  std::map<std::string, std::filesystem::path> models;
  std::map<std::string, std::string> unreadable;  ///< of those that cannot be listed, the reason
};
/// Throws ExportError with the system's reason when BASE itself cannot be listed.
ModelFolders model_folders(const std::filesystem::path& base);

/// What a model is called whose folder this is, also for "." and "export/fraud/".
std::string model_name_of(const std::filesystem::path& folder);

/// `model` itself when it is a version's folder (holds manifest.json), else its latest version.
/// Throws ExportError when there is none.
std::filesystem::path resolve_version(const std::filesystem::path& model);

/// Throws ConfigError unless `name` can be a folder's name in a repository: letters, digits, '-', '_' and
/// '.', not starting with '.'.
void require_model_name(const std::string& name);

}  // namespace ringtrain
