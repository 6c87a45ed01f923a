#pragma once

#include <filesystem>

#include "serving/repository/manifest.h"

namespace ringtrain {

/// The checkpoint's folder to go on from: the version's own, else (exported by an earlier ringtrain) that of
/// the job, or what was brought in its place. Throws CheckpointError that says what is missing.
std::filesystem::path origin_of(const Manifest& manifest, const std::filesystem::path& version);

}  // namespace ringtrain
