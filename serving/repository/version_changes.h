#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "serving/repository/version_state.h"

/// Changes of which versions of a model (BASE/NAME) are served. Each holds the model's lock (BASE/NAME/.lock,
/// flock), so that two at a time do not lose each other's, replaces versions.json whole, and keeps the
/// version policy of Triton's config.pbtxt in step. They throw ExportError for a version that is not there,
/// ConfigError for a change that is refused.
namespace ringtrain {

/// Makes a version live, after its files were found to be those that its manifest names.
void promote(const std::filesystem::path& model, std::int64_t version);
/// Makes the version live that was so before; returns it.
std::int64_t roll_back(const std::filesystem::path& model);
/// Makes what is live now stay live when newer versions come. Returns it.
std::int64_t pin_live(const std::filesystem::path& model);
void set_label(const std::filesystem::path& model, const std::string& label, std::int64_t version);
void remove_label(const std::filesystem::path& model, const std::string& label);
/// "latest", "latest:3", "all" or "specific:1,3".
void set_policy(const std::filesystem::path& model, const std::string& policy);
/// Refused for a version that is live or has a label, unless `force`. A server never sees half a folder.
void delete_version(const std::filesystem::path& model, std::int64_t version, bool force);

/// Throws ExportError unless the version's files are those that its manifest names.
void require_whole(const std::filesystem::path& version);

}  // namespace ringtrain
