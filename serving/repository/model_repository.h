#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ringtrain {

/// The versions of one model on disk: BASE/NAME/1, BASE/NAME/2, … Only folders whose names are whole numbers
/// from 1, without leading zeros, are versions; everything else there (staging, config.pbtxt) is not.
std::vector<std::int64_t> versions(
    const std::filesystem::path& model);  ///< ascending; empty when there is no such folder

/// One above the largest version; 1 when there is none.
std::int64_t next_version(const std::filesystem::path& model);

/// `model` itself when it is a version's folder (holds manifest.json), else its latest version.
/// Throws ExportError when there is none.
std::filesystem::path resolve_version(const std::filesystem::path& model);

/// Throws ConfigError unless `name` can be a folder's name in a repository: letters, digits, '-', '_' and
/// '.', not starting with '.'.
void require_model_name(const std::string& name);

}  // namespace ringtrain
