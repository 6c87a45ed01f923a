#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "serving/rollout/rollout.h"

namespace ringtrain {

/// Begins a rollout of `wanted.version` beside the live version of a model (BASE/NAME): fills in what is not
/// known yet (id, live, begun), pins the live version, writes the model's rollout.json, which a server picks
/// up, and a decision. Throws ConfigError where one goes on already or the version is live, ExportError where
/// there is no such version, it is damaged or cannot be loaded, or cannot stand in for the live one
/// (same_ports.h).
Rollout begin_rollout(const std::filesystem::path& model, Rollout wanted);

/// Ends it; the live version stays so. Throws ConfigError where no such one goes on.
Rollout stop_rollout(const std::filesystem::path& model, Rollout::Kind kind);

/// Writes what a server knows of the rollout, unless it was stopped or replaced meanwhile: false.
bool keep_progress(const std::filesystem::path& model, const Rollout& rollout);

/// Appends the decision with which it ends, unless that was done, and removes the file.
void close_rollout(const std::filesystem::path& model, const Rollout& rollout);

}  // namespace ringtrain
