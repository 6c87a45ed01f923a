#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "serving/repository/manifest.h"
#include "trainer/trainer.h"

namespace ringtrain {

/// Exports what a trainer holds after `fit` into JOB_DIR/export/NAME/VERSION and returns that folder. Throws
/// ExportError.
std::filesystem::path export_trained(const RunConfig& config, const Trainer& trainer, const Outcome& outcome,
                                     int ranks);

/// The command that checks an export in a fresh process: this program again.
std::vector<std::string> verify_command();

}  // namespace ringtrain
