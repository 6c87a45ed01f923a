#pragma once

#include <string>
#include <vector>

#include "trainer/run_config.h"

namespace ringtrain {

/// Looks at the data, tells on the standard output what it found, and writes a configuration. `output`: its
/// file; "": NAME.yaml here. Returns the file. Throws ConfigError where there is one already, and what
/// profile_table and propose throw.
std::string write_first_config(const std::string& data, const std::string& target, const std::string& output);

/// The same for a run that begins at once: into the run's job folder, as NAME.yaml. `overrides` and
/// `job_dir` ("": as the configuration says) as for the run. `goes_on`: the folder's own file is used where
/// it has one. `catalogue`: the kinds that the overrides may name. Throws ConfigError in a process that is a
/// rank already: all ranks read one file.
std::string first_config_in_job(const std::string& data, const std::string& target,
                                const std::vector<std::string>& overrides, bool goes_on,
                                const Catalogue& catalogue);

/// Throws ConfigError where a command takes a configuration and `config` is data.
void require_configuration(const std::string& config);

}  // namespace ringtrain
