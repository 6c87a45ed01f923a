#pragma once

#include <filesystem>
#include <vector>

#include "launch/report/asked_model.h"

namespace ringtrain::report {

/// Reads the job folders and writes their report (page.h) to `output`. `output` empty: report.html in the job
/// folder, or of several runs in the current one. Returns the file. Throws ConfigError for a folder that is
/// no run's, all of them at once; Error where the file cannot be written. What cannot be asked of a run's
/// model or data the page says.
std::filesystem::path write_report(const std::vector<std::filesystem::path>& folders,
                                   std::filesystem::path output, const Catalogue& catalogue,
                                   const Effort& effort);

/// What a run may spend on its report at its end: some seconds.
Effort effort_at_end();

}  // namespace ringtrain::report
