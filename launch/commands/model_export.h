#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "serving/repository/manifest.h"
#include "trainer/trainer.h"

namespace ringtrain {

/// The formats that the trained model will be written in: those of the configuration, or, with auto, those
/// that it can be written in (the log says what cannot). Before training: throws ExportError that names all
/// formats that cannot be written, with the operators they lack.
std::vector<std::string> choose_formats(const RunConfig& config, const Trainer& trainer);

/// Exports what a trainer holds after `fit` into JOB_DIR/export/NAME/VERSION and returns that folder. Throws
/// ExportError.
std::filesystem::path export_trained(const RunConfig& config, const Trainer& trainer, const Outcome& outcome,
                                     const std::vector<std::string>& formats, int ranks);

/// The command that checks an export in a fresh process: this program again.
std::vector<std::string> verify_command();

}  // namespace ringtrain
