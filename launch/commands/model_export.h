#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launch/behaviour/behaviour_run.h"
#include "serving/repository/manifest.h"
#include "trainer/trainer.h"

namespace ringtrain {

/// The formats that the trained model will be written in: those of the configuration, or, with auto, those
/// that it can be written in (the log says what cannot). Before training: throws ExportError that names all
/// formats that cannot be written, with the operators they lack; ConfigError for `tests` that do not fit the
/// model.
std::vector<std::string> choose_formats(const RunConfig& config, const Trainer& trainer);

struct Exported {
  std::filesystem::path version;  ///< JOB_DIR/export/NAME/VERSION
  BehaviourResults tests;         ///< of the run's `tests`
};

/// Exports what a trainer holds after `fit`, and runs the tests on it, whose results go into the manifest;
/// one that fails is told and does not keep the version from being published. Throws ExportError.
Exported export_trained(const RunConfig& config, const Trainer& trainer, const Outcome& outcome,
                        const std::vector<std::string>& formats, int ranks);

/// The command that checks an export in a fresh process: this program again.
std::vector<std::string> verify_command();

}  // namespace ringtrain
